"""Folders of models that are damaged, or that claim what cannot be: refused in one line, without time or memory."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ppt2v.errors import InputError
from ppt2v.models.families import stable_diffusion
from ppt2v.models.families.family import Use, fitting_family
from ppt2v.models.layouts.diffusers import shards, weight_files
from ppt2v.models.layouts.network_configs import read_config
from ppt2v.models.loading.tokenizer import load_tokenizer
from ppt2v.models.sources import downloads, locate
from ppt2v.pipelines.planning import sizes

FILES = (
    "model_index.json",
    "unet/config.json",
    "vae/config.json",
    "text_encoder/config.json",
    "scheduler/scheduler_config.json",
    "tokenizer/vocab.json",
)
CONTENTS = {
    "empty": b"",
    "cut off": b'{"a": ',
    "a list": b"[]",
    "a number": b"5",
    "null": b"null",
    "no UTF-8": b"\xff\xfe{",
    "deeply nested": b"[" * 100_000,
    "a pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
    "a page": b"<!DOCTYPE html><html></html>",
}


def load(folder: Path) -> None:
    """What a run does before it computes anything."""
    place = locate.locate(folder)
    family = fitting_family(place, Use("canny", "image", "x", str(folder)))
    sizes.frame_size(None, None, *family.frame_configs(place), any_latents=family.any_latents)
    stable_diffusion.load_stable_diffusion(place, lazy=True)


def assert_refused(folder: Path, about: str) -> None:
    with pytest.raises(InputError) as refused:
        load(folder)
    assert about in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("file", FILES)
def test_a_file_that_is_no_json_object_is_named(copy, file, content):
    (copy / file).write_bytes(CONTENTS[content])
    assert_refused(copy, "tokenizer" if file.startswith("tokenizer") else file)


@pytest.mark.parametrize("hint", ["a pointer", "a page"])
def test_what_was_downloaded_instead_of_a_file_is_told(copy, hint):
    (copy / "unet" / "config.json").write_bytes(CONTENTS[hint])
    assert_refused(copy, {"a pointer": "git lfs pull", "a page": "web page"}[hint])


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("unet", {"layers_per_block": 10**9}),
        ("unet", {"layers_per_block": 200}),
        ("unet", {"sample_size": 10**9}),
        ("unet", {"sample_size": None}),
        ("unet", {"block_out_channels": [8, 10**12]}),
        ("unet", {"block_out_channels": "x"}),
        ("unet", {"block_out_channels": 8}),
        ("unet", {"block_out_channels": [8, 0]}),
        ("unet", {"down_block_types": ["Strange", "DownBlock2D"]}),
        ("unet", {"cross_attention_dim": -5}),
        ("unet", {"attention_head_dim": "x"}),
        ("unet", {"act_fn": 5}),
        ("unet", {"addition_embed_type": "image"}),
        ("unet", {"time_cond_proj_dim": 256}),
        ("vae", {"layers_per_block": 100}),
        ("vae", {"latent_channels": True}),
        ("vae", {"norm_num_groups": 7}),
        ("text_encoder", {"num_hidden_layers": 10**12}),
        ("text_encoder", {"max_position_embeddings": 10**12}),
        ("text_encoder", {"vocab_size": "many"}),
        ("text_encoder", {"num_attention_heads": 0}),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(copy, part, change):
    file = copy / part / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    assert_refused(copy, str(copy / part))


@pytest.mark.parametrize("name", ["sample_size", "in_channels", "block_out_channels"])
def test_a_configuration_that_lacks_what_is_planned_by_is_refused(copy, name):
    file = copy / "unet" / "config.json"
    file.write_text(json.dumps({key: value for key, value in json.loads(file.read_text()).items() if key != name}))
    assert_refused(copy, f"unet/config.json cannot be used: it does not say {name}")


def index_of(folder: Path, name: object) -> Path:
    file = folder / "unet" / "diffusion_pytorch_model.safetensors.index.json"
    file.write_text(json.dumps({"weight_map": {"a": name} if name is not None else name}))
    return file


@pytest.mark.parametrize("name", ["/dev/zero", "../../../etc/hostname", "/etc/hostname", "", 5, ["x"], None])
def test_an_index_names_files_of_its_own_model_alone(copy, name):
    with pytest.raises(InputError, match="names"):
        shards(index_of(copy, name))


def test_pipes_and_devices_are_no_files_of_a_model(copy):
    config = copy / "unet" / "config.json"
    config.unlink()
    os.mkfifo(config)
    assert_refused(copy, "unet")
    config.unlink()
    config.symlink_to("/dev/zero")
    assert_refused(copy, "unet")


def test_shards_and_variants_are_found(copy):
    (weights,) = (copy / "unet").glob("*.safetensors")
    for names, index in (
        (["diffusion_pytorch_model.fp16.safetensors"], None),
        (["diffusion_pytorch_model.bf16.safetensors"], None),
        (
            ["diffusion_pytorch_model.fp16-00001-of-00002.safetensors", "other-00002-of-00002.safetensors"],
            "diffusion_pytorch_model.safetensors.index.fp16.json",
        ),
        (["a-1-of-1.safetensors"], "diffusion_pytorch_model.safetensors.index.json"),
    ):
        for old in (copy / "unet").glob("*model*"):
            old.unlink()
        for name in names:
            (copy / "unet" / name).write_bytes(b"")
        if index:
            content = {"weight_map": {str(number): name for number, name in enumerate(names)}}
            (copy / "unet" / index).write_text(json.dumps(content))
        assert [file.name for file in weight_files(copy / "unet")] == names
        locate.check(copy)
        if index:
            (copy / "unet" / names[0]).unlink()
            with pytest.raises(InputError, match=f"has no unet/{names[0]}"):
                locate.check(copy)
    assert weights.name == "diffusion_paddle_model.safetensors"


def test_a_broken_model_in_a_cache_stops_nobody(tiny_folder, tmp_path, monkeypatch):
    import shutil

    monkeypatch.setattr(downloads, "cache_folder", lambda source: tmp_path)
    for name in ("whole", "broken"):
        shutil.copytree(tiny_folder, tmp_path / "org" / name)
    (tmp_path / "org" / "broken" / "model_index.json").write_text("[]")
    assert [name for name, _ in downloads.cached_folders(downloads.PADDLE)] == ["org/whole"]


@pytest.mark.parametrize("length", [{}, "77", [77]], ids=str)
def test_a_tokenizers_length_that_is_no_number_is_refused(copy, length):
    config = copy / "tokenizer" / "tokenizer_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "model_max_length": length}))
    with pytest.raises(InputError, match="the tokenizer in .* cannot be used"):
        load_tokenizer(copy / "tokenizer")


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [
        ("unet", "norm_eps", True),
        ("unet", "dropout", "x"),
        ("vae", "scaling_factor", None),
        ("text_encoder", "layer_norm_eps", []),
        ("text_encoder", "eos_token_id", []),
    ],
)
def test_what_is_no_number_is_refused_before_a_network_is_built(copy, part, name, value):
    config = copy / part / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), name: value}))
    with pytest.raises(InputError, match=f"config.json cannot be used: {name}="):
        read_config(config)
