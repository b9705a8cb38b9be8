"""Tiny seeded models, written as they are published."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TOKENS = 77
_TOKENIZER = Path(__file__).parent / "data" / "checkpoints" / "tokenizer" / "tokenizer.json"


def write_json(file: Path, content: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content), encoding="utf-8")


def _write_tokenizer(folder: Path) -> int:
    model = json.loads(_TOKENIZER.read_text(encoding="utf-8"))["model"]
    write_json(folder / "vocab.json", model["vocab"])
    lines = ["#version: 0.2", *(" ".join(merge) for merge in model["merges"]), ""]
    (folder / "merges.txt").write_text("\n".join(lines), encoding="utf-8")
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "CLIPTokenizer", "model_max_length": TOKENS})
    return len(model["vocab"])


def _write_scheduler(folder: Path) -> None:
    write_json(
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


def write_stable_diffusion(folder: Path) -> Path:
    """A complete Stable Diffusion folder: random weights, 77 tokens, latents [4, 8, 8], images [3, 16, 16]."""
    import paddle

    vocabulary_size = _write_tokenizer(folder / "tokenizer")
    _write_scheduler(folder / "scheduler")
    paddle.seed(0)
    for name, network in {"text_encoder": _text_encoder(vocabulary_size), "unet": _unet(), "vae": _vae()}.items():
        network.save_pretrained(str(folder / name), safe_serialization=True)
    write_json(
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


MOTION = {
    "_class_name": "MotionAdapter",
    "block_out_channels": [8, 16],
    "motion_layers_per_block": 1,
    "motion_num_attention_heads": 2,
    "motion_norm_num_groups": 4,
    "motion_max_seq_length": 6,
    "use_motion_mid_block": True,
}


def motion_modules(**config: Any):
    """Motion modules with random weights, of which none are zero as they are before training."""
    import paddle

    from ppt2v.pipelines.networks.motion_modules import MotionModules

    paddle.seed(3)
    network = MotionModules.from_config({**MOTION, **config})
    for name, parameter in network.named_parameters():
        if "proj_out.weight" in name:
            parameter.set_value(paddle.randn(parameter.shape) / 3)
    return network


def write_motion_modules(folder: Path) -> Path:
    """Motion modules for the model of ``write_stable_diffusion``, in diffusers' layout; they tell 6 frames apart."""
    motion_modules().save_pretrained(str(folder), safe_serialization=True)
    write_json(folder / "config.json", MOTION)
    return folder


def write_modelscope(folder: Path) -> Path:
    """A text-to-video model as ModelScope publishes it: latents [4, 8, 8] for pictures [3, 16, 16]."""
    import modelscope_tiny

    from ppt2v.models.formats.writing import save_torch

    write_json(folder / "configuration.json", modelscope_tiny.CONFIGURATION)
    save_torch(folder / "text2video_pytorch_model.pth", modelscope_tiny.weights("unet"))
    save_torch(folder / "VQGAN_autoencoder.pth", modelscope_tiny.weights("vae"), entry="state_dict")
    save_torch(folder / "open_clip_pytorch_model.bin", modelscope_tiny.weights("text_encoder"))
    return folder
