"""Stable Diffusion 2.x against PyTorch diffusers: networks, pictures, videos, ControlNets; folders and single files."""

from __future__ import annotations

import json
import math
import shutil
import zlib
from pathlib import Path

import numpy as np
import paddle
import pytest
from conftest import DATA

from ppt2v import Model, video
from ppt2v.controls import CONTROLS
from ppt2v.errors import InputError
from ppt2v.models.families import parts, stable_diffusion
from ppt2v.models.loading.tokenizer import load_tokenizer
from ppt2v.pipelines.text_to_video_zero import TextToVideoZeroPipeline
from ppt2v.pipelines.video_controlnet import Control, VideoControlNetPipeline

REFERENCE = DATA / "stable_diffusion_2_reference"
NAMES = json.loads((REFERENCE / "names.json").read_text(encoding="utf-8"))
TOKENIZER = DATA / "checkpoints" / "tokenizer"
PROMPT, NEGATIVE, STEPS, GUIDANCE, FRAMES = "the fox in the snow", "dog on the beach", 10, 7.5, 4
PREDICTIONS = ("epsilon", "v_prediction")
# One pass through a network, and ten steps of guided ones, in float32.
ONCE, TEN = {"rtol": 1e-4, "atol": 1e-4}, 1e-3


def seeded(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """The weights that the reference was made with (tests/data/make_stable_diffusion_2_reference.py)."""
    numbers = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape).astype(np.float32)
    if len(shape) > 1:
        return numbers / np.float32(math.sqrt(math.prod(shape[1:])))
    return np.asarray(numbers / 10 + (1 if name.endswith("weight") else 0), np.float32)


def noise() -> np.ndarray:
    return np.random.default_rng(2).standard_normal((1 + STEPS, FRAMES, 4, 8, 8), np.float32)


class StoredNoise:
    """The noise that the reference was made with."""

    def draw(self, purpose: str, frame_ids: list[int], shape: list[int], step: int = 0) -> paddle.Tensor:
        row = {"start": 0, "step": step + 1, "forward": 1}[purpose]
        return paddle.to_tensor(noise()[row, frame_ids])


@pytest.fixture(scope="module")
def outputs() -> dict[str, np.ndarray]:
    return dict(np.load(REFERENCE / "outputs.npz"))


@pytest.fixture(scope="module")
def tensors() -> dict[str, np.ndarray]:
    """The whole single file, with the ControlNet in it, as the code that trained ControlNets writes it."""
    shapes = {theirs: shape for part in NAMES["networks"].values() for theirs, shape in part.values()}
    return {name: seeded(name, tuple(shape)) for name, shape in {**shapes, **NAMES["text_encoder"]}.items()}


def save(file: Path, tensors: dict[str, np.ndarray], metadata: dict[str, str] | None = None) -> Path:
    from safetensors.numpy import save_file

    file.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: np.ascontiguousarray(array) for name, array in tensors.items()}, file, metadata)
    return file


@pytest.fixture(scope="module")
def words(tmp_path_factory) -> Path:
    """The reference's vocabulary, which pads with "!"."""
    folder = Path(shutil.copytree(TOKENIZER, tmp_path_factory.mktemp("words") / "tokenizer"))
    special = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        (folder / name).write_text(json.dumps({**special, "pad_token": "!", "model_max_length": 77}))
    return folder


@pytest.fixture(scope="module")
def file(tensors, tmp_path_factory) -> Path:
    return save(tmp_path_factory.mktemp("models") / "second.safetensors", tensors)


def by_diffusers_names(part: str, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    found = {}
    for ours, (theirs, shape) in NAMES["networks"][part].items():
        found[ours] = tensors[theirs].reshape([size for size in shape if ".attn_1." not in theirs or size != 1])
    return found


@pytest.fixture(scope="module")
def folder(tensors, file, words, tmp_path_factory) -> Path:
    """The model as diffusers' folders have it, with the configurations that its single file leads to."""
    root = tmp_path_factory.mktemp("models") / "second"
    for part in ("unet", "vae", "text_encoder"):
        files = parts.files(file, part)
        arrays = by_diffusers_names(part, tensors) if part != "text_encoder" else _text_arrays(file)
        save(root / part / "diffusion_pytorch_model.safetensors", arrays, {"format": "pt"})
        (root / part / "config.json").write_text(json.dumps(files.config))
    shutil.copytree(words, root / "tokenizer")
    schedule = {"_class_name": "DDIMScheduler", "beta_start": 0.00085, "beta_end": 0.012, "steps_offset": 1}
    schedule |= {"beta_schedule": "scaled_linear", "prediction_type": "v_prediction", "skip_prk_steps": True}
    (root / "scheduler").mkdir()
    (root / "scheduler" / "scheduler_config.json").write_text(json.dumps(schedule))
    index = {part: ["diffusers", "Some"] for part in ("unet", "vae", "text_encoder", "tokenizer", "scheduler")}
    index["text_encoder"] = ["transformers", "CLIPTextModel"]
    (root / "model_index.json").write_text(json.dumps({"_class_name": "StableDiffusionPipeline", **index}))
    return root


def _text_arrays(file: Path) -> dict[str, np.ndarray]:
    from ppt2v.models.formats import reading

    return parts.files(file, "text_encoder").convert(reading.read(file)).tensors


def load(model: Path, prediction_type: str | None, words: Path):
    tokenizer = None if model.is_dir() else str(words)
    return stable_diffusion.load_stable_diffusion(model, tokenizer=tokenizer, prediction_type=prediction_type)


@pytest.fixture(scope="module", params=["file", "folder"])
def model(request, words):
    return load(request.getfixturevalue(request.param), "v_prediction", words)


def close(made: np.ndarray, expected: np.ndarray) -> None:
    assert np.abs(made - expected).max() <= TEN * np.abs(expected).max()


def test_heads_are_of_64_channels(file):
    config = parts.files(file, "unet").config
    assert config["attention_head_dim"] == [1, 2] and config["use_linear_projection"]


def test_networks_are_those_of_diffusers(model, outputs):
    latents = paddle.to_tensor(seeded("latents", (1, 4, 8, 8)))
    picture = paddle.to_tensor(seeded("picture", (1, 3, 16, 16)))
    text = model.text_encoder(paddle.arange(77)[None])[0]
    found = {
        "text": text,
        "noise": model.unet(latents, 801, text).sample,
        "picture": model.vae.decode(latents).sample,
        "latents": model.vae.encode(picture).latent_dist.mean,
    }
    for name, tensor in found.items():
        np.testing.assert_allclose(tensor.numpy(), outputs[name], **ONCE, err_msg=name)


@pytest.mark.parametrize("form", ["bare", "prefixed", "of diffusers", "beside a whole model"])
def test_a_controlnet_in_a_single_file_is_that_of_diffusers(tensors, file, outputs, words, tmp_path, form):
    own = {name: array for name, array in tensors.items() if name.startswith("control_model.")}
    forms = {
        "bare": {name.removeprefix("control_model."): array for name, array in own.items()},
        "prefixed": own,
        "of diffusers": by_diffusers_names("controlnet", tensors),
    }
    place = file if form == "beside a whole model" else save(tmp_path / "control.safetensors", forms[form])
    network = stable_diffusion.load_controlnet(place)
    network.weights.load()
    text = paddle.to_tensor(outputs["text"])
    latents, picture = (
        paddle.to_tensor(seeded(name, shape))
        for name, shape in (("latents", (1, 4, 8, 8)), ("picture", (1, 3, 16, 16)))
    )
    down, middle = network(latents, 801, text, picture, return_dict=False)
    for number, residual in enumerate([*down, middle]):
        np.testing.assert_allclose(residual.numpy(), outputs[f"residual {number}"], **ONCE, err_msg=str(number))


@pytest.mark.parametrize("prediction_type", PREDICTIONS)
@pytest.mark.parametrize("solver", ["ddim", "dpmsolver++", "euler_a"])
def test_a_picture_is_that_of_diffusers(file, words, outputs, solver, prediction_type):
    pipe = TextToVideoZeroPipeline(**load(file, prediction_type, words).components, requires_safety_checker=False)
    made = pipe(
        prompt=PROMPT, negative_prompt=NEGATIVE, height=16, width=16, video_length=1, use_motion_field=False,
        num_inference_steps=STEPS, guidance_scale=GUIDANCE, solver=solver, noise=StoredNoise(),
    )  # fmt: skip
    close(made.numpy(), outputs[f"{solver} {prediction_type}"])


def test_a_video_is_that_of_diffusers(model, outputs):
    pipe = TextToVideoZeroPipeline(**model.components, requires_safety_checker=False)
    made = pipe(
        prompt=PROMPT, negative_prompt=NEGATIVE, height=16, width=16, video_length=FRAMES, num_inference_steps=50,
        guidance_scale=GUIDANCE, motion_field_strength_x=30, motion_field_strength_y=30, noise=StoredNoise(),
    )  # fmt: skip
    close(made.numpy(), outputs["video"])


def test_a_guided_video_is_that_of_diffusers(file, words, outputs):
    network = stable_diffusion.load_controlnet(file)
    network.weights.load()
    pipe = VideoControlNetPipeline(**load(file, "v_prediction", words).components, requires_safety_checker=False)
    maps = np.random.default_rng(1).integers(0, 256, (FRAMES, 16, 16, 3), np.uint8)
    made = pipe(
        prompt=PROMPT, negative_prompt=NEGATIVE, controls=[Control(network, maps, 1.0)], num_inference_steps=STEPS,
        guidance_scale=GUIDANCE, noise=StoredNoise(),
    )  # fmt: skip
    close(made.numpy(), outputs["guided"])


def test_an_exclamation_mark_is_a_word_and_no_padding(words):
    tokenizer = load_tokenizer(words)
    once, twice = (tokenizer(text)["input_ids"] for text in ("the fox!", "the fox"))
    assert len(once) == len(twice) + 1 and 0 not in once
    assert tokenizer(["the fox"], padding="max_length", max_length=20)["input_ids"][0][-1] == 0


def test_a_file_that_does_not_say_what_it_predicts_is_asked_about(file, words):
    with pytest.raises(InputError, match="does not say what it predicts.*--prediction-type.*v_prediction"):
        load(file, None, words)


def test_videos_from_folder_and_file_are_the_same(folder, file, words, tmp_path):
    maker = Model(device="cpu", engine="eager", show_progress=False)
    given = {"prompt": "the fox", "resolution": 16, "video_length": 2, "num_inference_steps": 2, "seed": 0}
    one = maker.run("text2video", model_name=folder, save_path=tmp_path / "a.png", **given)
    given |= {"tokenizer": str(words), "prediction_type": "v_prediction"}
    other = maker.run("text2video", model_name=file, save_path=tmp_path / "b.png", **given)
    pictures = [sorted(Path(folder).glob("*.png")) for folder in (one, other)]
    assert [file.read_bytes() for file in pictures[0]] == [file.read_bytes() for file in pictures[1]]


# In the guided modes, from single files


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    frames = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    return video.write(frames, tmp_path_factory.mktemp("clips") / "clip.mp4", 10, {})


@pytest.fixture(scope="module")
def maker() -> Model:
    return Model(device="cpu", engine="eager", show_progress=False)


def guided(maker: Model, mode: str, model: Path, words: Path, clip: Path, out: Path, **given) -> bytes:
    given |= {"prompt": "the fox", "resolution": 32, "num_inference_steps": 2, "seed": 0, "tokenizer": str(words)}
    given |= {"video_path": clip, "prediction_type": "v_prediction", "save_path": out}
    return Path(maker.run(mode, model_name=model, **given)).read_bytes()


@pytest.mark.parametrize("mode", ["canny", "pose", "depth"])
def test_a_single_file_guides_a_video_and_a_second_one_too(maker, mode, file, words, clip, tmp_path):
    given = {"controlnet": file, "control": "map"}
    one = guided(maker, mode, file, words, clip, tmp_path / "a.gif", **given)
    other = guided(maker, mode, file, words, clip, tmp_path / "b.gif", extra_controls=[f"{mode}:0.5:{file}"], **given)
    assert one != other


def test_an_editing_model_in_a_single_file(maker, tensors, file, words, clip, tmp_path):
    first = "model.diffusion_model.input_blocks.0.0.weight"
    wider = save(tmp_path / "edits.safetensors", {**tensors, first: np.concatenate([tensors[first]] * 2, 1)})
    assert guided(maker, "pix2pix", wider, words, clip, tmp_path / "a.gif")
    with pytest.raises(InputError, match=r"no model for pix2pix but one that makes pictures"):
        guided(maker, "pix2pix", file, words, clip, tmp_path / "b.gif")
    gaps = np.concatenate([tensors[first]] * 2 + [tensors[first][:, :1]], 1)
    inpainting = save(tmp_path / "inpainting.safetensors", {**tensors, first: gaps})
    with pytest.raises(InputError, match=r"one that fills gaps \(inpainting\)"):
        guided(maker, "canny", inpainting, words, clip, tmp_path / "c.gif", controlnet=file, control="map")


def test_a_controlnet_of_the_first_family_is_refused(maker, file, words, clip, tmp_path):
    controlnet = DATA / "guided_reference" / "controlnet0"
    with pytest.raises(InputError, match="belongs to another family of models.*controlnet-sd21-canny"):
        guided(maker, "canny", file, words, clip, tmp_path / "a.gif", controlnet=controlnet, control="map")


@pytest.mark.parametrize(
    ("model", "width", "name"),
    [
        ("embedded", None, "embedded/canny"),
        ("some/model", None, "lllyasviel/sd-controlnet-canny"),
        ("some/model", 768, "lllyasviel/sd-controlnet-canny"),
        ("some/model", 1024, "hf:thibaud/controlnet-sd21-canny-diffusers"),
        ("my/teddy", 128, "embedded/canny"),
        ("some/model", 999, "lllyasviel/sd-controlnet-canny"),
    ],
)
def test_the_controlnet_is_chosen_by_the_texts_that_the_unet_attends_to(model, width, name):
    assert CONTROLS["canny"].network_for(model, width) == name
