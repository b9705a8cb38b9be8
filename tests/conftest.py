"""Tiny seeded networks in the layout of Stable Diffusion 1.5, shared by all tests."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# What makes rich and typer write colours or other widths into what the tests read; typer looks when it is imported.
for _name in ("GITHUB_ACTIONS", "FORCE_COLOR", "PY_COLORS", "CLICOLOR_FORCE", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
    os.environ.pop(_name, None)
os.environ["COLUMNS"] = "80"

import ppt2v  # noqa: E402, F401  (before Paddle, for its threads and its zlib)

TOKENS = 77
ROOT = Path(__file__).parents[1]
DATA = ROOT / "tests" / "data"
CLIPS = ROOT / "__assets__" / "clips"


def pytest_runtest_setup() -> None:
    """Takes numpy.bool back: PPDiffusers makes it Python's own type, with which NumPy 2.4 compares no single numbers."""
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.bool = numpy.bool_


def _write_json(file: Path, content: dict) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content), encoding="utf-8")


def _write_tokenizer(folder: Path) -> int:
    model = json.loads((DATA / "checkpoints" / "tokenizer" / "tokenizer.json").read_text(encoding="utf-8"))["model"]
    _write_json(folder / "vocab.json", model["vocab"])
    lines = ["#version: 0.2", *(" ".join(merge) for merge in model["merges"]), ""]
    (folder / "merges.txt").write_text("\n".join(lines), encoding="utf-8")
    _write_json(folder / "tokenizer_config.json", {"tokenizer_class": "CLIPTokenizer", "model_max_length": TOKENS})
    return len(model["vocab"])


def _write_scheduler(folder: Path) -> None:
    _write_json(
        folder / "scheduler_config.json",
        {
            "_class_name": "DDIMScheduler",
            "beta_start": 0.00085,
            "beta_end": 0.012,
            "beta_schedule": "scaled_linear",
            "num_train_timesteps": 1000,
            "clip_sample": False,
            "set_alpha_to_one": False,
            "steps_offset": 1,
        },
    )


def _text_encoder(vocabulary_size: int):
    from ppdiffusers.transformers import CLIPTextConfig, CLIPTextModel

    config = CLIPTextConfig(
        vocab_size=vocabulary_size,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=TOKENS,
    )
    return CLIPTextModel(config)


def _unet():
    from ppdiffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=8,
        in_channels=4,
        out_channels=4,
        block_out_channels=(8, 16),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=16,
        attention_head_dim=2,
        norm_num_groups=4,
    )


def _vae():
    from ppdiffusers import AutoencoderKL

    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        latent_channels=4,
        block_out_channels=(8, 16),
        layers_per_block=1,
        down_block_types=("DownEncoderBlock2D", "DownEncoderBlock2D"),
        up_block_types=("UpDecoderBlock2D", "UpDecoderBlock2D"),
        norm_num_groups=4,
        sample_size=16,
    )


@pytest.fixture(scope="session", autouse=True)
def engine_cache(tmp_path_factory) -> Iterator[None]:
    """Exported programs go to a folder of the session, and never to the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PPT2V_CACHE", str(tmp_path_factory.mktemp("engine_cache")))
        yield


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory) -> Path:
    """A complete Stable Diffusion folder: random weights, 77 tokens, latents [4, 8, 8], images [3, 16, 16]."""
    import paddle

    folder = tmp_path_factory.mktemp("models") / "tiny"
    vocabulary_size = _write_tokenizer(folder / "tokenizer")
    _write_scheduler(folder / "scheduler")
    paddle.seed(0)
    for name, network in {"text_encoder": _text_encoder(vocabulary_size), "unet": _unet(), "vae": _vae()}.items():
        network.save_pretrained(str(folder / name), safe_serialization=True)
    _write_json(
        folder / "model_index.json",
        {
            "_class_name": "StableDiffusionPipeline",
            "scheduler": ["ppdiffusers", "DDIMScheduler"],
            "text_encoder": ["ppdiffusers.transformers", "CLIPTextModel"],
            "tokenizer": ["ppdiffusers.transformers", "CLIPTokenizer"],
            "unet": ["ppdiffusers", "UNet2DConditionModel"],
            "vae": ["ppdiffusers", "AutoencoderKL"],
            "safety_checker": [None, None],
            "feature_extractor": [None, None],
        },
    )
    return folder


@pytest.fixture(scope="session")
def modelscope_folder(tmp_path_factory) -> Path:
    """A tiny text-to-video model as ModelScope publishes it: latents [4, 8, 8] for pictures [3, 16, 16]."""
    import modelscope_tiny

    from ppt2v.models.formats.writing import save_torch

    folder = tmp_path_factory.mktemp("models") / "modelscope"
    _write_json(folder / "configuration.json", modelscope_tiny.CONFIGURATION)
    save_torch(folder / "text2video_pytorch_model.pth", modelscope_tiny.weights("unet"))
    save_torch(folder / "VQGAN_autoencoder.pth", modelscope_tiny.weights("vae"), entry="state_dict")
    save_torch(folder / "open_clip_pytorch_model.bin", modelscope_tiny.weights("text_encoder"))
    return folder


@pytest.fixture(scope="session")
def modelscope_model(modelscope_folder):
    """What ``modelscope_folder`` holds, loaded once."""
    from ppt2v.models.families.text_to_video import load_text_to_video

    return load_text_to_video(modelscope_folder)


@pytest.fixture
def copy(tiny_folder, tmp_path) -> Path:
    """A copy of ``tiny_folder`` that a test may damage."""
    return Path(shutil.copytree(tiny_folder, tmp_path / "copy"))


@pytest.fixture
def tiny_pipe(tiny_folder):
    """A StableDiffusionPipeline loaded from ``tiny_folder``, fresh for each test."""
    from ppt2v.models.families.stable_diffusion import load_stable_diffusion

    return load_stable_diffusion(tiny_folder)


@pytest.fixture(scope="session")
def video_fusion_folder(tiny_folder, tmp_path_factory) -> Path:
    """A tiny VideoFusion model for up to 6 frames: the networks of ``tiny_folder`` and a residual generator."""
    import paddle

    from ppt2v.pipelines.networks.unet3d import UNet3D

    folder = Path(shutil.copytree(tiny_folder, tmp_path_factory.mktemp("models") / "video_fusion"))
    config = {
        "in_channels": 9,
        "block_out_channels": (8, 16),
        "layers_per_block": 1,
        "norm_num_groups": 4,
        "down_block_types": ("DownBlock3D", "CrossAttnDownBlock3D"),
        "sample_size": 8,
        "attention_head_dim": 2,
        "up_block_types": ("CrossAttnUpBlock3D", "UpBlock3D"),
        "cross_attention_dim": 16,
    }
    paddle.seed(1)
    residual = UNet3D(**config)
    for name, parameter in residual.named_parameters():  # else the layers over the frames add nothing
        if "temp" in name and not parameter.any():
            parameter.set_value(paddle.randn(parameter.shape) / 10)
    residual.save_pretrained(str(folder / "residual"), safe_serialization=True)
    schedule = json.loads((folder / "scheduler" / "scheduler_config.json").read_text(encoding="utf-8"))
    ending = {"prediction_type": "v_prediction", "rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
    _write_json(folder / "scheduler" / "scheduler_config.json", {**schedule, **ending})
    index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
    _write_json(
        folder / "model_index.json",
        {
            **index,
            "_class_name": "VideoFusionPipeline",
            "residual": ["ppdiffusers", "UNet3DConditionModel"],
            "base_noise_share": 0.5,
            "frames": 6,
        },
    )
    return folder
