"""Tiny autoencoders decode as in diffusers, and show a run in progress."""

from __future__ import annotations

import json
import shutil

import numpy as np
import paddle
import pytest
from conftest import DATA

from ppt2v import InputError, Model
from ppt2v.models.families.preview_decoder import load_preview_decoder

TINY = DATA / "preview_reference"
MODEL = DATA / "text2video_reference" / "model"
VAE = json.loads((MODEL / "vae" / "config.json").read_text())
GIVEN = {"prompt": "a fox", "model_name": MODEL, "video_length": 2, "num_inference_steps": 2, "seed": 1}


@pytest.fixture
def preview(tmp_path):
    """The first frame as it was shown before the last step, and the bytes of the video."""
    model = Model("cpu", engine="eager", show_progress=False)

    def seen(**given) -> tuple[np.ndarray, bytes]:
        pictures = []

        def watch(progress) -> None:
            if progress.preview:
                pictures.append(progress.preview())

        path = model.run("text2video", callback=watch, **GIVEN, resolution=32, save_path=tmp_path / "seen.mp4", **given)
        with open(path, "rb") as file:
            return pictures[-1], file.read()

    return seen


def test_decodes_as_diffusers():
    network = load_preview_decoder(str(TINY), VAE, "float32")
    network.weights.load()
    reference = np.load(TINY / "decoded.npz")
    made = network.decode(paddle.to_tensor(reference["latents"])).sample
    assert np.abs(made.numpy() - reference["pictures"]).max() < 1e-5


def test_the_preview_is_another_and_the_video_the_same(preview):
    (own, video), (tiny, other) = preview(), preview(preview_vae=str(TINY))
    assert own.shape == tiny.shape == (32, 32, 3) and own.dtype == tiny.dtype == np.uint8
    assert not np.array_equal(own, tiny)
    assert video == other


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"_class_name": "AutoencoderKL"}, "is no tiny autoencoder: its config.json is that of .AutoencoderKL"),
        ({"latent_channels": 16}, "its latents have 16 channels"),
        ({"decoder_block_out_channels": [8, 8, 8, 8]}, "cells of 8 pixels, the model's 4 and 2"),
    ],
)
def test_what_cannot_show_the_models_latents_is_refused(preview, tmp_path, changed, told):
    folder = shutil.copytree(TINY, tmp_path / "other")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changed}))
    with pytest.raises(InputError, match=told):
        preview(preview_vae=str(folder))


@pytest.mark.parametrize(
    ("name", "scale", "advice"),
    [
        ("madebyollin/taesdxl", 0.18215, "give madebyollin/taesd$"),
        ("hf:madebyollin/taesd", 0.13025, "give madebyollin/taesdxl"),
        ("models/TAESDXL", 0.5, "leave it out"),
    ],
)
def test_one_of_another_family_is_refused_by_its_name_before_it_is_downloaded(name, scale, advice):
    with pytest.raises(InputError, match=f"scaled by {scale}: it was made for another family; {advice}"):
        load_preview_decoder(name, {**VAE, "scaling_factor": scale}, "float32")


def test_a_single_file_is_refused(preview):
    with pytest.raises(InputError, match="madebyollin/taesd"):
        preview(preview_vae=str(TINY / "diffusion_pytorch_model.safetensors"))
