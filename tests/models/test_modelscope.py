"""ModelScope's text-to-video synthesis from its published files: parity with its own classes, loading, conversion."""

from __future__ import annotations

import errno
import json
import shutil
from pathlib import Path

import modelscope_tiny
import numpy as np
import paddle
import pytest
from conftest import DATA
from modelscope_tiny import FRAMES, GUIDANCE, PROMPT, REFERENCE, STEPS

from ppt2v.cache import default_folder
from ppt2v.errors import InputError
from ppt2v.models import conversion
from ppt2v.models.conversion import FORMATS, convert
from ppt2v.models.families.text_to_video import load_text_to_video
from ppt2v.models.formats import reading, writing
from ppt2v.models.layouts import modelscope
from ppt2v.pipelines.text_to_video_modelscope import TextToVideoPipeline

FILES = {part: file for part, (_, file) in modelscope.FILES.items()}


class StoredNoise:
    """The noise that the reference was made with."""

    def draw(self, purpose: str, frame_ids: list[int], shape: list[int], step: int = 0) -> paddle.Tensor:
        return paddle.to_tensor(modelscope_tiny.start_noise()[frame_ids])


@pytest.fixture(scope="module")
def reference() -> dict[str, np.ndarray]:
    with np.load(REFERENCE / "outputs.npz") as stored:
        return dict(stored)


@pytest.fixture(scope="module")
def pipe(modelscope_model) -> TextToVideoPipeline:
    return TextToVideoPipeline(**modelscope_model._asdict())


@pytest.fixture
def copied(modelscope_folder, tmp_path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(modelscope_folder, tmp_path / "copied"))


def read_state(model) -> dict[str, np.ndarray]:
    return {
        f"{part}.{name}": parameter.numpy()
        for part in modelscope.PARTS
        for name, parameter in getattr(model, part).state_dict().items()
    }


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


# Parity; the network by itself is in test_unet3d.py


def test_texts_become_the_tokens_of_openclip(modelscope_model, reference):
    made = modelscope_model.tokenizer(
        reference["texts"].tolist(), padding="max_length", max_length=77, truncation=True
    )["input_ids"]
    assert np.array_equal(made, reference["tokens"])


def test_texts_are_encoded_as_by_openclip(pipe, reference):
    expected = reference["contexts"]
    assert np.abs(pipe._encode_text(["", PROMPT]).numpy() - expected).max() <= 1e-5 * np.abs(expected).max()


def test_pictures_are_encoded_as_by_modelscope(modelscope_model, reference):
    with paddle.no_grad():
        made = modelscope_model.vae.encode(paddle.to_tensor(reference["picture"])).latent_dist.mean.numpy()
    assert np.abs(made - reference["encoded"]).max() <= 1e-4 * reference["encoded"].std()


def test_the_whole_chain_makes_modelscopes_video(pipe, reference):
    """50 steps, guidance 9. ModelScope cuts a pixel's decimals off, where here they are rounded: hence one level."""
    latents = pipe(
        PROMPT,
        StoredNoise(),
        video_length=FRAMES,
        height=16,
        width=16,
        num_inference_steps=STEPS,
        guidance_scale=GUIDANCE,
    )
    assert np.abs(latents.numpy() - reference["latents"]).max() <= 1e-4 * reference["latents"].std()
    frames = np.stack(list(pipe.decode(latents))).astype(int)
    assert np.abs(frames - reference["frames"]).max() <= 1
    assert reference["frames"].std() > 20


# Loading


def test_the_second_load_does_not_convert_again(modelscope_folder, modelscope_model, monkeypatch):
    monkeypatch.setattr(modelscope, "read", None)
    assert same(read_state(load_text_to_video(modelscope_folder)), read_state(modelscope_model))


def test_other_weights_are_converted_again(copied, modelscope_model):
    weights = modelscope_tiny.weights("unet")
    weights["out.2.bias"] = weights["out.2.bias"] + 1
    writing.save_torch(copied / FILES["unet"], weights)
    change = load_text_to_video(copied).unet.conv_out.bias - modelscope_model.unet.conv_out.bias
    assert np.allclose(change.numpy(), 1)


def test_what_is_not_needed_is_left_out(copied, modelscope_model):
    weights = modelscope_tiny.weights("vae")
    extra = {"model.diffusion_model.out.0.weight": np.ones(3, np.float32), "logvar": np.ones([], np.float32)}
    writing.save_torch(copied / FILES["vae"], {**extra, **weights}, entry="state_dict")
    weights = modelscope_tiny.weights("text_encoder")
    extra = {"visual.proj": np.ones(3, np.float32)}
    writing.save_torch(copied / FILES["text_encoder"], {**extra, **weights})
    assert same(read_state(load_text_to_video(copied)), read_state(modelscope_model))


@pytest.mark.parametrize(
    "part, entry, name, there",
    [
        ("unet", None, "input_blocks.0.0.weight", False),
        ("unet", None, "input_blocks.9.0.weight", True),
        ("vae", "state_dict", "first_stage_model.decoder.mid.attn_1.q.weight", False),
        ("vae", "state_dict", "first_stage_model.loss.logvar", True),
        ("text_encoder", None, "transformer.resblocks.0.ln_1.bias", False),
        ("text_encoder", None, "transformer.ln_pre.bias", True),
    ],
)
def test_weights_must_be_exactly_those_of_the_network(modelscope_model, copied, part, entry, name, there):
    weights = modelscope_tiny.weights(part)
    if there:
        weights[name] = np.ones(3, np.float32)
    else:
        del weights[name]
    writing.save_torch(copied / FILES[part], weights, entry)
    before = list((default_folder() / "models").iterdir())
    complaint = "1 are unexpected" if there else "1 weights are missing"
    with pytest.raises(InputError, match=f"{FILES[part]}.*{complaint}"):
        load_text_to_video(copied)
    assert list((default_folder() / "models").iterdir()) == before


@pytest.mark.parametrize("part", FILES)
def test_a_missing_file_is_named(copied, part):
    (copied / FILES[part]).unlink()
    with pytest.raises(InputError, match=FILES[part]):
        load_text_to_video(copied)


def test_a_file_that_is_cut_off_is_refused(copied):
    file = copied / FILES["unet"]
    file.write_bytes(file.read_bytes()[:-5000])
    with pytest.raises(InputError, match="truncated, corrupt"):
        load_text_to_video(copied)


def test_a_configuration_that_says_too_little_is_refused(copied):
    configuration = json.loads((copied / "configuration.json").read_text())
    del configuration["model"]["model_cfg"]["unet_dim"]
    (copied / "configuration.json").write_text(json.dumps(configuration))
    with pytest.raises(InputError, match="lacks unet_dim in model.model_cfg"):
        load_text_to_video(copied)


@pytest.mark.parametrize("name, value", [("unet_num_heads", 4), ("temporal_attention", "False"), ("mean_type", "x0")])
def test_other_architectures_are_refused(copied, name, value):
    configuration = json.loads((copied / "configuration.json").read_text())
    configuration["model"]["model_cfg"][name] = value
    (copied / "configuration.json").write_text(json.dumps(configuration))
    with pytest.raises(InputError, match=name):
        load_text_to_video(copied)


def test_a_tokenizer_with_more_words_than_the_encoder_is_refused(copied):
    weights = modelscope_tiny.weights("text_encoder")
    weights["token_embedding.weight"] = weights["token_embedding.weight"][:1000]
    writing.save_torch(copied / FILES["text_encoder"], weights)
    with pytest.raises(InputError, match="49408 words and its text encoder 1000"):
        load_text_to_video(copied)


# Conversion


@pytest.fixture(scope="module")
def converted(modelscope_folder, tmp_path_factory) -> dict[str, Path]:
    """The model in each format, each made from the one before."""
    folders, source = {}, modelscope_folder
    for format in ("diffusers", "paddle", "modelscope"):
        source = folders[format] = convert(source, tmp_path_factory.mktemp("converted") / format, format)
    return folders


@pytest.mark.parametrize("format", FORMATS)
def test_converted_models_are_the_same(converted, modelscope_model, format):
    loaded = load_text_to_video(converted[format])
    assert same(read_state(loaded), read_state(modelscope_model))
    assert loaded.tokenizer("A panda!")["input_ids"] == modelscope_model.tokenizer("A panda!")["input_ids"]
    assert loaded.scheduler.config.steps_offset == 1


def test_a_round_trip_gives_the_same_unet_file(converted):
    there = reading.read(converted["modelscope"] / FILES["unet"]).tensors
    assert same(there, modelscope_tiny.weights("unet"))


def test_ppdiffusers_reads_what_is_written_for_it(converted, modelscope_model):
    from ppdiffusers import UNet3DConditionModel

    network = UNet3DConditionModel.from_pretrained(str(converted["paddle"] / "unet"))
    state = network.state_dict()
    assert same(
        {name: tensor.numpy() for name, tensor in state.items()},
        {name: tensor.numpy() for name, tensor in modelscope_model.unet.state_dict().items()},
    )


def test_weights_can_be_stored_in_half_precision(modelscope_folder, modelscope_model, tmp_path):
    folder = convert(modelscope_folder, tmp_path / "half", "diffusers", dtype="float16")
    file = folder / "unet" / "diffusion_pytorch_model.safetensors"
    assert {array.dtype for array in reading.read(file).tensors.values()} == {np.dtype(np.float16)}
    rounded = {name: array.astype(np.float16) for name, array in read_state(modelscope_model).items()}
    assert same(read_state(load_text_to_video(folder)), rounded)


def test_a_schedule_that_modelscope_cannot_have_is_refused(converted, tmp_path):
    source = Path(shutil.copytree(converted["diffusers"], tmp_path / "source"))
    file = source / "scheduler" / "scheduler_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "prediction_type": "v_prediction"}))
    with pytest.raises(InputError, match="prediction_type='v_prediction'"):
        convert(source, tmp_path / "made", "modelscope")
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize(
    "format, dtype, named",
    [
        ("onnx", None, "unknown format 'onnx'"),
        ("paddle", "int8", "stored as 'int8'"),
    ],
)
def test_what_cannot_be_written_is_refused(modelscope_folder, tmp_path, format, dtype, named):
    with pytest.raises(InputError, match=named):
        convert(modelscope_folder, tmp_path / "made", format, dtype)
    assert not any(tmp_path.iterdir())


def test_a_target_with_files_in_it_is_left_alone(modelscope_folder, tmp_path):
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(InputError, match="is there already"):
        convert(modelscope_folder, tmp_path, "paddle")
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


def test_files_are_written_as_pytorch_reads_them(tmp_path):
    """The stored file was read by PyTorch (tests/data/make_modelscope_reference.py)."""
    stored = reading.read(REFERENCE / "written.pth").tensors
    writing.save_torch(tmp_path / "written.pth", stored, entry="state_dict")
    assert (tmp_path / "written.pth").read_bytes() == (REFERENCE / "written.pth").read_bytes()


def test_a_target_whose_folder_is_missing_is_refused(modelscope_folder, tmp_path):
    with pytest.raises(InputError, match="there is no folder .*missing; make it first"):
        convert(modelscope_folder, tmp_path / "missing" / "made", "paddle")
    assert not list(tmp_path.iterdir())


def test_a_model_of_images_is_not_converted(tmp_path):
    with pytest.raises(InputError, match="no text-to-video model: one such as embedded/video"):
        convert(DATA / "text2video_reference" / "model", tmp_path / "made", "paddle")
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_during_a_conversion_leaves_nothing(modelscope_folder, tmp_path, monkeypatch):
    def fail(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(conversion, "_write_rest", fail)
    with pytest.raises(InputError, match="made cannot be written: No space left on device"):
        convert(modelscope_folder, tmp_path / "made", "paddle")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("unet_res_blocks", 10**6),
        ("unet_dim", -32),
        ("unet_dim", "32"),
        ("unet_dim_mult", 3),
        ("unet_dim_mult", [1, None]),
        ("unet_attn_scales", 1),
        ("unet_head_dim", True),
    ],
)
def test_numbers_of_no_network_are_refused_before_one_is_built(modelscope_folder, name, value):
    configuration = json.loads((modelscope_folder / "configuration.json").read_text())
    configuration["model"]["model_cfg"][name] = value
    with pytest.raises(InputError, match=f"configuration.json: {name}=.*the rule is"):
        modelscope._architecture(configuration)


@pytest.mark.parametrize("model", [{}, {"model": 3}, {"model": {"model_cfg": 2**63}}, {"model": {"model_cfg": []}}])
def test_a_configuration_without_an_architecture_is_refused(model):
    with pytest.raises(InputError, match="lacks everything in model.model_cfg"):
        modelscope._architecture(model)
