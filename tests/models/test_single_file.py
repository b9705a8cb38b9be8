"""Models in a single file: the conversion against that of PyTorch diffusers, the vocabulary, and what is refused."""

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

from ppt2v import InputError, Model, video
from ppt2v.models.families import parts, stable_diffusion
from ppt2v.models.formats import reading
from ppt2v.models.layouts import clip_vocabulary, single_file
from ppt2v.models.loading import tokenizer
from ppt2v.models.sources import catalogue, downloads, locate

FILES = DATA / "adapters_reference"
TOKENIZER = DATA / "text2video_reference" / "model"
SHAPES = json.loads((FILES / "single_file.json").read_text(encoding="utf-8"))
# Names that such files have beside those of the networks.
BESIDE = {
    "betas": (10,),
    "model_ema.decay": (),
    "cond_stage_model.transformer.text_model.embeddings.position_ids": (1, 77),
}
TOLERANCE = {"rtol": 1e-4, "atol": 1e-4}  # one pass through a network in float32, on numbers near 1


def seeded(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """The weights that the reference was made with (tests/data/make_adapters_reference.py)."""
    numbers = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape).astype(np.float32)
    if len(shape) > 1:
        return numbers / np.float32(math.sqrt(math.prod(shape[1:])))
    return numbers / 10 + (1 if name.endswith("weight") else 0)


@pytest.fixture(scope="module")
def tensors() -> dict[str, np.ndarray]:
    return {name: seeded(name, tuple(shape)).astype(np.float32) for name, shape in SHAPES.items()}


def write(file: Path, tensors: dict[str, np.ndarray]) -> Path:
    from safetensors.numpy import save_file

    save_file(tensors, file)
    return file


@pytest.fixture(scope="module")
def file(tensors, tmp_path_factory) -> Path:
    beside = {name: np.zeros(shape, np.float32) for name, shape in BESIDE.items()}
    return write(tmp_path_factory.mktemp("models") / "model.safetensors", {**tensors, **beside})


@pytest.fixture(scope="module")
def model(file):
    return stable_diffusion.load_stable_diffusion(file, tokenizer=str(TOKENIZER))


def test_networks_are_those_of_diffusers(model):
    stored = np.load(FILES / "outputs.npz")
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
        np.testing.assert_allclose(tensor.numpy(), stored[f"single file {name}"], **TOLERANCE, err_msg=name)


def test_configuration_of_stable_diffusion_1_5():
    """From the shapes of the real model, which are known without its numbers."""
    shapes = _shapes_of_stable_diffusion()
    arrays = {name: np.broadcast_to(np.float32(0), shape) for name, shape in shapes.items()}
    loaded = reading.WeightFile(arrays, reading.PYTORCH)
    readers = single_file.unet, single_file.vae, single_file.text_encoder
    unet, vae, text = (read(loaded, "sd.safetensors").config for read in readers)
    assert unet["attention_head_dim"] == 8
    assert unet["block_out_channels"] == [320, 640, 1280, 1280] and unet["layers_per_block"] == 2
    assert unet["down_block_types"] == ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"]
    assert unet["up_block_types"] == ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3
    assert unet["cross_attention_dim"] == 768 and not unet["use_linear_projection"]
    assert vae["block_out_channels"] == [128, 256, 512, 512] and vae["layers_per_block"] == 2
    assert vae["sample_size"] == 512 and vae["latent_channels"] == 4
    assert text == {
        "vocab_size": 49408,
        "hidden_size": 768,
        "intermediate_size": 3072,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "max_position_embeddings": 77,
        "hidden_act": "quick_gelu",
    }


def _shapes_of_stable_diffusion() -> dict[str, tuple[int, ...]]:
    """Those of v1-5-pruned.safetensors that the configuration is found from."""
    unet = {
        "input_blocks.0.0.weight": (320, 4, 3, 3),
        "out.2.weight": (4, 320, 3, 3),
        "middle_block.1.proj_in.weight": (1280, 1280, 1, 1),
        "middle_block.1.transformer_blocks.0.attn2.to_k.weight": (1280, 768),
    }
    for number, channels in {1: 320, 2: 320, 4: 640, 5: 640, 7: 1280, 8: 1280, 10: 1280, 11: 1280}.items():
        unet[f"input_blocks.{number}.0.in_layers.2.weight"] = (channels, channels, 3, 3)
        if number < 10:
            unet[f"input_blocks.{number}.1.norm.weight"] = (channels,)
    for number, channels in {3: 320, 6: 640, 9: 1280}.items():
        unet[f"input_blocks.{number}.0.op.weight"] = (channels, channels, 3, 3)
    vae = {
        "encoder.conv_in.weight": (128, 3, 3, 3),
        "decoder.conv_out.weight": (3, 128, 3, 3),
        "decoder.conv_in.weight": (512, 4, 3, 3),
    }
    for level, channels in enumerate((128, 256, 512, 512)):
        for layer in (0, 1):
            vae[f"encoder.down.{level}.block.{layer}.conv1.weight"] = (channels, channels, 3, 3)
    text = {
        "text_model.embeddings.token_embedding.weight": (49408, 768),
        "text_model.embeddings.position_embedding.weight": (77, 768),
    }
    for layer in range(12):
        text[f"text_model.encoder.layers.{layer}.mlp.fc1.weight"] = (3072, 768)
    parts = {single_file.UNET: unet, single_file.VAE: vae, single_file.CLIP: text}
    return {prefix + name: shape for prefix, own in parts.items() for name, shape in own.items()}


def test_a_video_from_a_file(file, tmp_path):
    given = {
        "prompt": "the fox",
        "model_name": file,
        "tokenizer": TOKENIZER,
        "resolution": 16,
        "video_length": 2,
        "num_inference_steps": 2,
        "seed": 0,
    }
    maker = Model(device="cpu", show_progress=False)
    first = maker.run("text2video", save_path=tmp_path / "a.gif", **given)
    recipe = video.read_recipe(Path(first))["parameters"]
    assert (recipe["model_name"], recipe["tokenizer"]) == (str(file), str(TOKENIZER))
    again = maker.run("text2video", save_path=tmp_path / "b.gif", **recipe)
    assert Path(first).read_bytes() == Path(again).read_bytes()


def test_names_without_text_model_are_understood(tensors, tmp_path, model):
    renamed = {name.replace("transformer.text_model.", "transformer."): array for name, array in tensors.items()}
    other = stable_diffusion.load_stable_diffusion(write(tmp_path / "a.safetensors", renamed), tokenizer=str(TOKENIZER))
    for name, value in model.text_encoder.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), other.text_encoder.state_dict()[name].numpy(), err_msg=name)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("model.diffusion_model.out.2.weight"), "no weight out.2.weight"),
        (lambda t: t.pop("model.diffusion_model.out.2.bias"), r"1 weights are missing \(conv_out.bias\)"),
        (lambda t: t.pop("model.diffusion_model.input_blocks.1.0.in_layers.2.weight"), "no weight input_blocks.1.0"),
        (
            lambda t: t.update({"first_stage_model.encoder.strange": np.zeros(1, np.float32)}),
            "unexpected .encoder.strange",
        ),
        (lambda t: t.update({"conditioner.embedders.0.x": np.zeros(1, np.float32)}), "Stable Diffusion XL"),
        (
            lambda t: [t.pop(name) for name in list(t) if name.startswith("first_stage")],
            r"no autoencoder.*give its autoencoder beside it: vae=... \(--vae",
        ),
        (lambda t: t.update({"model.diffusion_model.label_emb.0.0.weight": np.zeros(1, np.float32)}), "unCLIP"),
        (
            lambda t: t.update({"model.diffusion_model.time_embed.cond_proj.weight": np.zeros(1, np.float32)}),
            "latent c",
        ),
    ],
)
def test_files_that_are_no_such_model(tensors, tmp_path, change, message):
    changed = dict(tensors)
    change(changed)
    with pytest.raises(InputError, match=message):
        stable_diffusion.load_stable_diffusion(
            write(tmp_path / "a.safetensors", changed), lazy=True, tokenizer=str(TOKENIZER)
        )


def test_names_of_files(tmp_path, file, monkeypatch):
    locate.check(file)
    assert locate.locate(file) == file
    monkeypatch.chdir(file.parent)
    assert locate.from_anywhere("model.safetensors") == str(file)
    for name in ("models/absent.safetensors", str(tmp_path / "absent.ckpt")):
        with pytest.raises(InputError, match="no such file"):
            locate.check(name)


# The vocabulary


@pytest.mark.parametrize("padding", [clip_vocabulary.END, clip_vocabulary.EXCLAMATION])
def test_a_file_without_a_vocabulary_has_that_of_clip_without_a_network(file, padding, monkeypatch):
    monkeypatch.setattr(downloads, "_downloader", lambda source: pytest.fail("something is downloaded"))
    words = tokenizer.find_tokenizer(None, file, padding)
    ids = words("A photo, of a cat!", padding="max_length", max_length=12)["input_ids"]
    assert ids[:9] == [49406, 320, 1125, 267, 539, 320, 2368, 256, 49407]  # as transformers' CLIPTokenizer has it
    assert set(ids[9:]) == {49407 if padding == clip_vocabulary.END else 0}


@pytest.mark.parametrize("part", ["", "tokenizer"])
def test_places_of_a_vocabulary(part):
    assert tokenizer.locate_tokenizer(str(TOKENIZER / part)) == TOKENIZER / "tokenizer"


def test_a_vocabulary_of_another_size(tmp_path, file):
    with pytest.raises(InputError, match="give the tokenizer that belongs to the model"):
        stable_diffusion.load_stable_diffusion(file, lazy=True, tokenizer=catalogue.EMBEDDED)


# Autoencoders, which a file may lack


def _vae_tensors(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: array for name, array in tensors.items() if name.startswith(single_file.VAE)}


def _diffusers_vae(tensors: dict[str, np.ndarray]) -> single_file.Network:
    return single_file.vae(reading.WeightFile(_vae_tensors(tensors), reading.PYTORCH), "x")


def _as_folder(tensors: dict[str, np.ndarray], folder: Path, **changes) -> Path:
    network = _diffusers_vae(tensors)
    folder.mkdir(parents=True)
    arrays = {name: np.ascontiguousarray(array) for name, array in network.tensors.items()}
    write(folder / "diffusion_pytorch_model.safetensors", arrays)
    (folder / "config.json").write_text(json.dumps({**network.config, **changes}))
    return folder


@pytest.fixture(params=["with prefix", "bare", "with losses", "diffusers' names", "folder", "whole model"])
def vae(request, tensors, file, tmp_path) -> Path:
    own = {name.removeprefix(single_file.VAE): array for name, array in _vae_tensors(tensors).items()}
    forms = {
        "with prefix": _vae_tensors(tensors),
        "bare": own,
        "with losses": {**own, "loss.logvar": np.zeros(1, np.float32), "model_ema.decay": np.zeros(1, np.float32)},
        "diffusers' names": {n: np.ascontiguousarray(a) for n, a in _diffusers_vae(tensors).tensors.items()},
    }
    if request.param == "folder":
        return _as_folder(tensors, tmp_path / "vae")
    return file if request.param == "whole model" else write(tmp_path / "vae.safetensors", forms[request.param])


def test_a_file_without_an_autoencoder_takes_one_beside_it(tensors, vae, model, tmp_path):
    alone = {name: array for name, array in tensors.items() if not name.startswith(single_file.VAE)}
    bare = write(tmp_path / "alone.safetensors", alone)
    with pytest.raises(InputError, match="give its autoencoder beside it"):
        stable_diffusion.load_stable_diffusion(bare, lazy=True, tokenizer=str(TOKENIZER))
    loaded = stable_diffusion.load_stable_diffusion(bare, tokenizer=str(TOKENIZER), vae=str(vae))
    for name, value in model.vae.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), loaded.vae.state_dict()[name].numpy(), err_msg=name)
    assert stable_diffusion.frame_configs(bare, str(vae))[1]["block_out_channels"] == [32, 64]


def test_an_autoencoder_replaces_that_of_a_folder_in_a_run(tensors, copy, tmp_path):
    changed = {name: array * 1.1 for name, array in _vae_tensors(tensors).items()}
    vae = write(tmp_path / "other.safetensors", changed)
    given = {"prompt": "the fox", "model_name": copy, "resolution": 16, "video_length": 1, "num_inference_steps": 2}
    given |= {"seed": 0, "use_motion_field": False}
    maker = Model(device="cpu", engine="eager", show_progress=False)
    own = maker.run("text2video", save_path=tmp_path / "a.gif", **given)
    other = maker.run("text2video", save_path=tmp_path / "b.gif", vae=vae, **given)
    again = maker.run("text2video", save_path=tmp_path / "c.gif", **given)
    assert video.read_recipe(Path(other))["parameters"]["vae"] == str(vae)
    assert Path(own).read_bytes() == Path(again).read_bytes() != Path(other).read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [({"scaling_factor": 0.13025}, "scaling_factor 0.13025"), ({"latent_channels": 16}, "latent_channels 16")],
)
def test_an_autoencoder_of_other_latents_is_refused(tensors, file, tmp_path, change, message):
    folder = _as_folder(tensors, tmp_path / "vae", **change)
    with pytest.raises(InputError, match=f"another family of models .{message}"):
        stable_diffusion.frame_configs(file, str(folder))


@pytest.mark.parametrize(
    ("name", "scale"),
    [
        ("sdxl_vae", 0.13025),
        ("sdxlVAE-fp16", 0.13025),
        ("xl vae", 0.13025),
        ("vae-ft-mse-84", 0.18215),
        ("axle", None),
    ],
)
def test_a_file_of_an_autoencoder_is_taken_for_what_its_name_says(tensors, copy, tmp_path, name, scale):
    own = {name.removeprefix(single_file.VAE): array for name, array in _vae_tensors(tensors).items()}
    given, config = str(write(tmp_path / f"{name}.safetensors", own)), copy / "vae" / "config.json"
    for wanted in (0.18215, 0.13025):
        config.write_text(json.dumps({**json.loads(config.read_text()), "scaling_factor": wanted}))
        if scale in (None, wanted):
            assert parts.vae_files(copy, given).config["scaling_factor"] == wanted
        else:
            with pytest.raises(InputError, match=f"scaling_factor {scale} instead of {wanted}, as its name says"):
                parts.vae_files(copy, given)


def test_what_is_no_autoencoder_is_refused_by_its_name(tensors, file, tiny_folder, tmp_path):
    unet = {name: array for name, array in tensors.items() if name.startswith(single_file.UNET)}
    with pytest.raises(InputError, match="holds a UNet alone and no autoencoder"):
        stable_diffusion.frame_configs(file, str(write(tmp_path / "a.safetensors", unet)))
    with pytest.raises(
        InputError,
        match="unet is no autoencoder: its config.json is that of 'UNet2DCond",
    ):
        stable_diffusion.frame_configs(file, str(tiny_folder / "unet"))


def test_what_is_no_controlnet_is_refused_by_its_name(file, tiny_folder):
    with pytest.raises(InputError, match="holds a model of Stable Diffusion and no ControlNet"):
        stable_diffusion.controlnet_files(file)
    with pytest.raises(InputError, match="vae is no ControlNetModel"):
        stable_diffusion.controlnet_files(tiny_folder / "vae")


# Precisions, wrappers and names beside


@pytest.mark.parametrize("kind", ["half", "module.", "model.", "ckpt", "averaged", "another ending"])
def test_forms_of_the_same_file(tensors, model, tmp_path, kind):
    from ppt2v.models.formats.writing import save_torch

    place = tmp_path / "model.safetensors"
    if kind == "half":
        write(place, {name: array.astype(np.float16) for name, array in tensors.items()})
    elif kind.endswith("."):
        write(place, {f"{kind}{name}": array for name, array in tensors.items()})
    elif kind == "another ending":
        place = write(tmp_path / "model.sft", tensors)
    elif kind == "averaged":
        ema = {
            f"model_ema.{name[6:].replace('.', '')}": array for name, array in tensors.items() if "diffusion" in name
        }
        write(place, {**tensors, **ema})
    else:
        place = tmp_path / "model.ckpt"
        save_torch(place, tensors, entry="state_dict")
    loaded = stable_diffusion.load_stable_diffusion(locate.locate(place), tokenizer=str(TOKENIZER))
    tolerance = {"rtol": 1e-3, "atol": 1e-3} if kind == "half" else {"rtol": 0, "atol": 0}
    for part in ("unet", "vae", "text_encoder"):
        for name, value in getattr(model, part).state_dict().items():
            other = getattr(loaded, part).state_dict()[name].numpy()
            np.testing.assert_allclose(value.numpy(), other, **tolerance, err_msg=name)


# Dreambooth folders


@pytest.mark.parametrize("safe", [True, False])
def test_a_folder_as_ppdiffusers_training_writes_it(tiny_pipe, tmp_path, safe):
    folder = tmp_path / "dream_outputs"
    tiny_pipe.save_pretrained(str(folder), safe_serialization=safe)
    locate.check(folder)
    loaded = stable_diffusion.load_stable_diffusion(folder)
    for part in ("unet", "vae", "text_encoder"):
        for name, value in getattr(tiny_pipe, part).state_dict().items():
            np.testing.assert_array_equal(value.numpy(), getattr(loaded, part).state_dict()[name].numpy(), err_msg=name)
    assert loaded.tokenizer("the fox")["input_ids"] == tiny_pipe.tokenizer("the fox")["input_ids"]


@pytest.mark.parametrize("lost", ["unet/config.json", "text_encoder", "vae", "tokenizer", "scheduler"])
def test_a_dreambooth_folder_that_lacks_a_part(copy, lost):
    gone = copy / lost
    shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
    with pytest.raises(InputError, match=f"it has no {lost}"):
        locate.check(copy)
