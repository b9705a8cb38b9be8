"""Stable Diffusion XL against PyTorch diffusers: networks, videos, ControlNets; folders and single files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import paddle
import pytest
import xl_tiny
from conftest import DATA
from PIL import Image
from xl_tiny import REFERENCE, seeded

from ppt2v import Model, dreambooth, video
from ppt2v.errors import InputError
from ppt2v.models.adapters import adapters
from ppt2v.models.families import stable_diffusion
from ppt2v.models.families.family import Use, family_of, fitting_family
from ppt2v.models.families.stable_diffusion_xl import load_stable_diffusion_xl
from ppt2v.models.sources import downloads
from ppt2v.pipelines.settings import Sampling
from ppt2v.pipelines.stable_diffusion_xl import TextToVideoZeroXLPipeline, VideoControlNetXLPipeline
from ppt2v.pipelines.video_controlnet import Control

FRAMES = 4
COMMON = {
    "prompt": "the fox in the snow", "negative_prompt": "dog on the beach", "video_length": FRAMES, "height": 16,
    "width": 16, "num_inference_steps": 50, "motion_field_strength_x": 30, "motion_field_strength_y": 30,
}  # fmt: skip
CASES = {
    "paper": {},
    "not square, no negative prompt": {"width": 24, "negative_prompt": "", "video_length": 2},
    "no guidance": {"guidance_scale": 1.0, "video_length": 2},
    "two prompts": {"prompt_2": "a cat on the grass", "negative_prompt_2": "a bird in the sky", "video_length": 2},
}


SLOW = "not square, no negative prompt", "no guidance"


class StoredNoise:
    """The noise that the reference was made with."""

    numbers = np.random.default_rng(2).standard_normal((2, FRAMES, 4, 8, 12), np.float32)

    def draw(self, purpose: str, frame_ids: list[int], shape: list[int], step: int = 0) -> paddle.Tensor:
        return paddle.to_tensor(self.numbers[int(purpose == "forward"), frame_ids][..., : shape[-1]])


@pytest.fixture(scope="module")
def outputs() -> dict[str, np.ndarray]:
    return dict(np.load(REFERENCE / "outputs.npz"))


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    return xl_tiny.save(tmp_path_factory.mktemp("models") / "xl.safetensors", xl_tiny.tensors())


@pytest.fixture(scope="module")
def words(tmp_path_factory) -> Path:
    return xl_tiny.write_tokenizer(tmp_path_factory.mktemp("words") / "tokenizer")


@pytest.fixture(scope="module")
def folder(file, tmp_path_factory) -> Path:
    return xl_tiny.write_folder(tmp_path_factory.mktemp("models") / "xl", file)


@pytest.fixture(scope="module")
def controlnet(tmp_path_factory) -> Path:
    return xl_tiny.write_controlnet(tmp_path_factory.mktemp("models") / "control")


@pytest.fixture(scope="module")
def parts(folder):
    return load_stable_diffusion_xl(folder)


@pytest.fixture(scope="module")
def pipe(parts) -> TextToVideoZeroXLPipeline:
    return TextToVideoZeroXLPipeline(**parts)


def close(made: np.ndarray, expected: np.ndarray) -> None:
    assert np.abs(made - expected).max() <= 1e-3 * expected.std()


def read(pipe, *texts: str):
    return pipe._read(Sampling(texts[0], guidance_scale=1), texts)


def control(parts, latents, text, conditions, network, picture) -> list:
    added = {"text_embeds": conditions.whole, "time_ids": paddle.to_tensor([[16.0, 16, 0, 0, 16, 16]])}
    noise = parts["unet"](latents, 801, text, added_cond_kwargs=added).sample
    down, middle = network(latents, 801, text, picture, added_cond_kwargs=added, return_dict=False)
    return [noise, *down, middle]


def test_networks_are_those_of_diffusers(parts, pipe, outputs, controlnet):
    network = stable_diffusion.load_controlnet(controlnet)
    network.weights.load()
    latents, picture = (
        paddle.to_tensor(seeded(name, shape))
        for name, shape in (("latents", (1, 4, 8, 8)), ("picture", (1, 3, 16, 16)))
    )
    text, conditions = read(pipe, COMMON["prompt"])
    noise, *residuals = control(parts, latents, text, conditions, network, picture)
    found = {"text": text, "pooled": conditions.whole, "noise": noise}
    found |= {f"residual {number}": residual for number, residual in enumerate(residuals)}
    for name, tensor in found.items():
        np.testing.assert_allclose(tensor.numpy(), outputs[name], rtol=1e-4, atol=1e-4, err_msg=name)


@pytest.mark.parametrize(
    "case", ["paper", "two prompts", *(pytest.param(case, marks=pytest.mark.slow) for case in SLOW)]
)
def test_a_video_is_that_of_diffusers(pipe, outputs, case):
    made = pipe(noise=StoredNoise(), **{**COMMON, **CASES[case]})
    close(made.numpy(), outputs[f"video {case}"])


def test_a_guided_video_is_that_of_diffusers(parts, controlnet, outputs):
    network = stable_diffusion.load_controlnet(controlnet)
    network.weights.load()
    maps = np.random.default_rng(1).integers(0, 256, (FRAMES, 16, 16, 3), np.uint8)
    made = VideoControlNetXLPipeline(**parts)(
        prompt=COMMON["prompt"], negative_prompt=COMMON["negative_prompt"], controls=[Control(network, maps, 1.0)],
        num_inference_steps=10, guidance_scale=7.5, noise=SameStart(),
    )  # fmt: skip
    close(made.numpy(), outputs["guided"])


class SameStart(StoredNoise):
    """The noise of the first frame for all."""

    def draw(self, purpose: str, frame_ids: list[int], shape: list[int], step: int = 0) -> paddle.Tensor:
        return super().draw(purpose, [0] * len(frame_ids), shape, step)


def test_the_same_is_in_folder_and_file(folder, file, words, tmp_path):
    assert family_of(folder).name == family_of(file).name == "Stable Diffusion XL"
    maker = Model(device="cpu", engine="eager", show_progress=False)
    given = {"prompt": "the fox", "resolution": 16, "video_length": 2, "num_inference_steps": 2, "seed": 0}
    one = maker.run("text2video", model_name=folder, save_path=tmp_path / "a.png", **given)
    other = maker.run("text2video", model_name=file, tokenizer=str(words), save_path=tmp_path / "b.png", **given)
    pictures = [sorted(Path(made).glob("*.png")) for made in (one, other)]
    assert [each.read_bytes() for each in pictures[0]] == [each.read_bytes() for each in pictures[1]]


def test_a_clip_guides_a_video(folder, controlnet, tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    clip = video.write(frames, tmp_path / "clip.mp4", 10, {})
    maker = Model(device="cpu", engine="eager", show_progress=False)
    given = {"prompt": "the fox", "resolution": 32, "num_inference_steps": 2, "seed": 0, "video_path": clip}
    given |= {"model_name": folder, "controlnet": controlnet, "control": "map"}
    made = {mode: Path(maker.run(mode, save_path=tmp_path / f"{mode}.gif", **given)) for mode in ("canny", "depth")}
    assert all(path.stat().st_size for path in made.values())


# LoRA and textual inversion

LORA = {
    "lora_unet_input_blocks_3_1_transformer_blocks_1_attn1_to_q": (
        "unet.down_blocks.1.attentions.0.transformer_blocks.1.attn1.to_q"
    ),
    "lora_te1_text_model_encoder_layers_0_self_attn_q_proj": (
        "text_encoder.text_model.encoder.layers.0.self_attn.q_proj"
    ),
    "lora_te2_text_model_encoder_layers_1_mlp_fc1": "text_encoder_2.text_model.encoder.layers.1.mlp.fc1",
}


def lora(of_diffusers: bool) -> dict[str, np.ndarray]:
    """The LoRA of the reference, by the names of kohya's scripts or of diffusers and PEFT."""
    sizes = {"unet": (128, 128), "te1": (64, 64), "te2": (128, 512)}
    found = {}
    for layer, name in LORA.items():
        inside, outside = sizes[layer.split("_")[1]]
        for way, shape, peft in (("down", (2, inside), "A"), ("up", (outside, 2), "B")):
            array = seeded(f"{layer}.lora_{way}.weight", shape)
            found[f"{name}.lora_{peft}.weight" if of_diffusers else f"{layer}.lora_{way}.weight"] = array
    return found


@pytest.mark.parametrize("of_diffusers", [False, True], ids=["kohya", "diffusers"])
def test_a_lora_changes_unet_and_both_text_encoders(folder, outputs, of_diffusers, tmp_path):
    given = adapters.read({"lora": [str(xl_tiny.save(tmp_path / "lora.safetensors", lora(of_diffusers)))]})
    changed = load_stable_diffusion_xl(folder, adapters=given)
    text, conditions = read(TextToVideoZeroXLPipeline(**changed), COMMON["prompt"])
    added = {"text_embeds": conditions.whole, "time_ids": paddle.to_tensor([[16.0, 16, 0, 0, 16, 16]])}
    latents = paddle.to_tensor(seeded("latents", (1, 4, 8, 8)))
    noise = changed["unet"](latents, 801, text, added_cond_kwargs=added).sample
    for name, tensor in {"text": text, "pooled": conditions.whole, "noise": noise}.items():
        np.testing.assert_allclose(tensor.numpy(), outputs[f"lora {name}"], rtol=1e-4, atol=1e-4, err_msg=name)


def written(tmp_path: Path, **vectors: np.ndarray) -> str:
    return str(xl_tiny.save(tmp_path / "thing.safetensors", vectors))


@pytest.mark.parametrize("names", [("clip_l", "clip_g"), ("text_encoders_0", "text_encoders_1")])
def test_a_textual_inversion_has_vectors_for_both_text_encoders(folder, tmp_path, names):
    vectors = [np.full((2, 64), 0.5, np.float32), np.full((2, 128), 0.25, np.float32)]
    given = adapters.read({"textual_inversion": [written(tmp_path, **dict(zip(names, vectors)))]})
    changed = load_stable_diffusion_xl(folder, adapters=given)
    for encoder, expected in zip(("text_encoder", "text_encoder_2"), vectors):
        rows = changed[encoder].get_input_embeddings().weight.numpy()
        np.testing.assert_array_equal(rows[-2:], expected)
    pipe = TextToVideoZeroXLPipeline(**changed)
    texts = [given.expand(text) for text in ("the fox", "the thing")]
    one, other = read(pipe, *texts)[0].numpy()
    assert np.abs(one[:2] - other[:2]).max() == 0 and np.abs(one[2:] - other[2:]).max() > 0.1


# What is refused


def refused(make, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()


def test_a_textual_inversion_for_one_text_encoder_is_refused(folder, tmp_path):
    given = adapters.read({"textual_inversion": [written(tmp_path, emb_params=np.zeros((1, 64), np.float32))]})
    refused(lambda: load_stable_diffusion_xl(folder, lazy=True, adapters=given), "one text encoder.*clip_l and clip_g")


def test_as_many_vectors_for_each_text_encoder(tmp_path):
    file = written(tmp_path, clip_l=np.zeros((2, 64), np.float32), clip_g=np.zeros((1, 128), np.float32))
    refused(lambda: adapters.read({"textual_inversion": [file]}), "2 and 1 vectors")


@pytest.mark.parametrize("lost", [xl_tiny.FIRST, xl_tiny.SECOND])
def test_a_single_file_without_one_of_its_text_encoders_is_refused(lost, tmp_path):
    rest = {name: array for name, array in xl_tiny.tensors().items() if not name.startswith(lost)}
    file = xl_tiny.save(tmp_path / "refiner.safetensors", rest)
    maker = Model(device="cpu", engine="eager", show_progress=False)
    make = lambda: maker.run("text2video", prompt="a fox", model_name=file, save_path=tmp_path / "a.mp4")  # noqa: E731
    refused(make, "Stable Diffusion XL without one of its two text encoders.*give the base model")


def edited(folder: Path, tmp_path: Path, part: str, **changes) -> Path:
    copy = Path(shutil.copytree(folder, tmp_path / "edited"))
    config = copy / part / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text(encoding="utf-8")), **changes}), encoding="utf-8")
    return copy


@pytest.mark.parametrize(
    ("part", "changes", "message"),
    [
        ("unet", {"addition_embed_type": None}, "its UNet is not of Stable Diffusion XL"),
        ("unet", {"projection_class_embeddings_input_dim": 99}, "do not belong together.*99 instead of 1664"),
        ("text_encoder", {"hidden_size": 32}, "do not belong together.*192 instead of 160"),
        ("unet", {"in_channels": 9}, r"one that fills gaps \(inpainting\)"),
        ("unet", {"addition_embed_type": "image"}, "a network of another family"),
    ],
)
def test_parts_that_do_not_belong_together_are_refused(folder, tmp_path, part, changes, message):
    mixed = edited(folder, tmp_path, part, **changes)
    maker = Model(device="cpu", engine="eager", show_progress=False)
    make = lambda: maker.run("text2video", prompt="a fox", model_name=mixed, save_path=tmp_path / "a.mp4")  # noqa: E731
    refused(make, message)


def test_other_modes_and_training_refuse_the_family(folder, tmp_path):
    use = Use("pix2pix", "image", "timbrooks/instruct-pix2pix", str(folder), edits=True)
    refused(lambda: fitting_family(folder, use), "there is no pix2pix.*timbrooks/instruct-pix2pix")
    moving = use._replace(mode="animate", edits=False, motion="any")
    refused(lambda: fitting_family(folder, moving), "motion modules are taken with those of Stable Diffusion 1.x alone")
    refused(lambda: family_of(folder).pipeline("other:Pipeline"), "text2video and the guided modes alone")
    (tmp_path / "pictures").mkdir()
    Image.new("RGB", (16, 16)).save(tmp_path / "pictures" / "a.png")
    train = lambda: dreambooth.train(tmp_path / "pictures", "a sks fox", tmp_path / "out", model_name=folder)  # noqa: E731
    refused(train, "cannot be trained: it is a model of Stable Diffusion XL")


XL, SD1 = "stabilityai/stable-diffusion-xl-base-1.0", "stable-diffusion-v1-5/stable-diffusion-v1-5"


@pytest.mark.parametrize(
    ("mode", "model", "given", "message"),
    [
        ("canny", XL, {"controlnet": "lllyasviel/sd-controlnet-canny"}, "ControlNet .* made for Stable Diffusion 1.x"),
        ("canny", SD1, {"extra_controls": ["pose:1:hf:thibaud/controlnet-openpose-sdxl-1.0"]}, "made for .* XL"),
        ("canny", XL, {"motion_module": "guoyww/animatediff-motion-adapter-v1-5-3"}, "module .* made for .* 1.x"),
        ("text2video", SD1, {"lora": "kohya"}, "LoRA .* made for .* XL, and .* of Stable Diffusion 1.x"),
        ("text2video", f"hf:{SD1}", {"textual_inversion": "xl"}, "inversion .* made for Stable Diffusion XL"),
    ],
)  # fmt: skip
def test_what_is_known_by_name_is_refused_before_it_is_downloaded(mode, model, given, message, tmp_path, monkeypatch):
    monkeypatch.setattr(downloads, "download", lambda *_: pytest.fail("something was downloaded"))
    files = {
        "kohya": xl_tiny.save(tmp_path / "lora.safetensors", lora(of_diffusers=False)),
        "xl": written(tmp_path, clip_l=np.zeros((1, 768), np.float32), clip_g=np.zeros((1, 1280), np.float32)),
    }
    given = {name: [str(files[value])] if isinstance(value, str) and value in files else value
             for name, value in given.items()}  # fmt: skip
    if mode == "canny":
        frames = np.zeros((2, 32, 32, 3), np.uint8)
        given["video_path"] = video.write(frames, tmp_path / "clip.mp4", 10, {})
    maker = Model(device="cpu", engine="eager", show_progress=False)
    make = lambda: maker.run(mode, prompt="thing", model_name=model, save_path=tmp_path / "a.mp4", **given)  # noqa: E731
    refused(make, message)


def test_a_second_prompt_needs_a_second_text_encoder(tiny_folder, tmp_path):
    maker = Model(device="cpu", engine="eager", show_progress=False)
    for given in {"prompt_2": "a cat"}, {"n_prompt_2": "a dog"}:
        make = lambda: maker.run("text2video", prompt="a fox", model_name=tiny_folder, save_path="a.mp4", **given)  # noqa: E731
        refused(make, f"{next(iter(given))} is for the second text encoder of Stable Diffusion XL")


@pytest.mark.parametrize("model_is_xl", [True, False])
def test_a_controlnet_of_another_family_is_refused(folder, controlnet, tiny_folder, tmp_path, model_is_xl):
    clip = video.write(np.zeros((2, 32, 32, 3), np.uint8), tmp_path / "clip.mp4", 10, {})
    model, network = (folder, DATA / "guided_reference" / "controlnet0") if model_is_xl else (tiny_folder, controlnet)
    maker = Model(device="cpu", engine="eager", show_progress=False)
    given = {"prompt": "a fox", "video_path": clip, "resolution": 32, "control": "map", "controlnet": network}
    make = lambda: maker.run("canny", model_name=model, save_path=tmp_path / "a.mp4", **given)  # noqa: E731
    refused(make, "belongs to another family.*addition_embed_type")


def test_of_a_controlnet_of_another_family_nothing_but_its_configuration_is_downloaded(monkeypatch, tmp_path):
    fetched = []

    def fetch_file(name, files, what):
        fetched.append((name, files))
        return Path(xl_tiny.write_controlnet(tmp_path / "control") / "config.json")

    monkeypatch.setattr(stable_diffusion.locate, "locate_file", fetch_file)
    assert stable_diffusion.controlnet_config("some/controlnet")["addition_embed_type"] == "text_time"
    assert fetched == [("some/controlnet", ("config.json",))]
