"""A tiny text-to-video model in ModelScope's published form; its weights follow from their names. Needs NumPy only."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np

REFERENCE = Path(__file__).parent / "data" / "modelscope_reference"

# As published, but for the sizes. Groups of normalizations are 32 in ModelScope's code.
CONFIGURATION = {
    "framework": "pytorch",
    "task": "text-to-video-synthesis",
    "model": {
        "type": "latent-text-to-video-synthesis",
        "model_args": {
            "ckpt_clip": "open_clip_pytorch_model.bin",
            "ckpt_unet": "text2video_pytorch_model.pth",
            "ckpt_autoencoder": "VQGAN_autoencoder.pth",
            "max_frames": 16,
            "tiny_gpu": 1,
        },
        "model_cfg": {
            "unet_in_dim": 4,
            "unet_dim": 32,
            "unet_y_dim": 768,
            "unet_context_dim": 128,
            "unet_out_dim": 4,
            "unet_dim_mult": [1, 2, 2],
            "unet_num_heads": 8,
            "unet_head_dim": 16,
            "unet_res_blocks": 1,
            "unet_attn_scales": [1, 0.5],
            "unet_dropout": 0.1,
            "temporal_attention": "True",
            "num_timesteps": 1000,
            "mean_type": "eps",
            "var_type": "fixed_small",
            "loss_type": "mse",
        },
    },
    "pipeline": {"type": "latent-text-to-video-synthesis"},
}
PROMPT = "A panda eating bamboo on a rock."
FRAMES, STEPS, GUIDANCE = 5, 50, 9.0
# Branches, frames, and height and width of latents. ModelScope's network needs latents that halve evenly.
SHAPES = ((2, 4, 8, 8), (1, 1, 4, 12), (2, 3, 12, 4))
ODD_SHAPES = ((1, 3, 7, 9), (2, 2, 5, 6))


def weight(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Normally distributed around 0, or 1 for the scale of a normalization; the same whenever it is asked for."""
    numbers = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape, np.float32)
    if len(shape) < 2:
        return np.asarray(0.1 * numbers + (1 if name.endswith("weight") else 0), np.float32)
    # Trained networks do not let noise grow; the last layer keeps the prediction near the noise's own size.
    gain = 0.3 if name.startswith("out.") else 0.7
    if "embedding" in name:
        return 0.3 * numbers
    return numbers * np.float32(gain / np.sqrt(np.prod(shape[1:])))


def shapes() -> dict[str, dict[str, tuple[int, ...]]]:
    """What ModelScope's classes and OpenCLIP's name their weights: by part, then by name."""
    return json.loads((REFERENCE / "names.json").read_text(encoding="utf-8"))


def weights(part: str) -> dict[str, np.ndarray]:
    """The weights of a part as its file holds them."""
    return {name: weight(name, tuple(shape)) for name, shape in shapes()[part].items()}


def inputs(branches: int, frames: int, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Latents ``[branches, 4, frames, height, width]`` and an encoded text ``[branches, 9, 128]``."""
    generator = np.random.default_rng([branches, frames, height, width])
    latents = generator.standard_normal((branches, 4, frames, height, width), np.float32)
    return latents, generator.standard_normal((branches, 9, 128), np.float32)


def start_noise() -> np.ndarray:
    """``[FRAMES, 4, 8, 8]``"""
    return np.random.default_rng(0).standard_normal((FRAMES, 4, 8, 8), np.float32)
