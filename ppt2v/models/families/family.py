"""The families of models, and which one a folder is of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from ppt2v.errors import InputError
from ppt2v.models.layouts import modelscope
from ppt2v.models.layouts.diffusers import read_json

from .text_to_video import TextToVideo, load_text_to_video
from .video_fusion import VideoFusion, is_video_fusion, load_video_fusion


def check_family(family: str, mode: str, example: str, name: str, model: Path) -> None:
    """Refuses a model of another family than the mode's.

    Args:
        family: of the mode's models.
        mode: its name.
        example: a model that suits it.
        name: of the model, as it was given.
        model: its folder or file.

    Raises:
        InputError: it is of another family.
    """
    if is_text_to_video(model) != (family == "video"):
        verdict = "no text-to-video model" if family == "video" else "a text-to-video model"
        raise InputError(f"{name} is {verdict}; for {mode} choose one such as {example}")


class Kind(NamedTuple):
    """A kind of model.

    ``pipeline``: as in ``modes.Mode``, instead of the mode's own, if any; ``load``: reads the parts, of a folder as
    ``load_text_to_video``; ``any_latents``: as for ``sizes.frame_size``; ``base_noise``: whether there is noise that
    all frames share.
    """

    pipeline: str | None
    load: Callable[..., TextToVideo | VideoFusion]
    any_latents: bool
    base_noise: bool


def kind(folder: Path) -> Kind:
    """The kind of a text-to-video model."""
    if is_video_fusion(folder):
        return Kind("video_fusion:VideoFusionPipeline", load_video_fusion, any_latents=False, base_noise=True)
    return Kind(None, load_text_to_video, any_latents=True, base_noise=False)


def is_text_to_video(model: Path) -> bool:
    """Whether a model, given as its folder, is one of these."""
    if not model.is_dir() or modelscope.is_original(model) or is_video_fusion(model):
        return model.is_dir()
    config = model / "unet" / "config.json"
    return config.exists() and read_json(config).get("_class_name") == "UNet3DConditionModel"
