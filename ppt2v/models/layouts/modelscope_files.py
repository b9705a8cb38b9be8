"""Which files ModelScope's text-to-video synthesis is made of, as its configuration.json says."""

from __future__ import annotations

from typing import Any

CONFIGURATION = "configuration.json"
TASK = "latent-text-to-video-synthesis"
FILES = {
    "unet": ("ckpt_unet", "text2video_pytorch_model.pth"),
    "vae": ("ckpt_autoencoder", "VQGAN_autoencoder.pth"),
    "text_encoder": ("ckpt_clip", "open_clip_pytorch_model.bin"),
}  # where the configuration names them, and as which they are published


def describes(configuration: Any) -> bool:
    """Whether the content of a configuration.json is that of such a model."""
    pipeline = configuration.get("pipeline") if isinstance(configuration, dict) else None
    return isinstance(pipeline, dict) and pipeline.get("type") == TASK


def file_names(configuration: dict[str, Any]) -> dict[str, str]:
    """The name of each part's file."""
    given = configuration.get("model", {}).get("model_args", {})
    return {part: given.get(argument, usual) for part, (argument, usual) in FILES.items()}
