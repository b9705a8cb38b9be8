"""Which files ModelScope's text-to-video synthesis is made of, as its configuration.json says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ppt2v.errors import InputError

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
    """The name of each part's file.

    Raises:
        InputError: the configuration names anything but a file beside it.
    """
    model = configuration.get("model")
    given = model.get("model_args") if isinstance(model, dict) else None
    names = {
        part: given.get(argument, usual) if isinstance(given, dict) else usual
        for part, (argument, usual) in FILES.items()
    }
    wrong = next((name for name in names.values() if not isinstance(name, str) or Path(name).name != name), None)
    if wrong is not None:
        raise InputError(
            "E-MODELSCOPE-NAME",
            "{file} names the file {name!r}; the rule is the name of a file in the same folder",
            file=CONFIGURATION,
            name=wrong,
        )
    return names
