"""The families of models: one row each, and which one a model is of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from ppt2v.errors import InputError
from ppt2v.language import words
from ppt2v.models.adapters.adapters import Adapters
from ppt2v.models.adapters.motion import MotionModules

from .replacements import Replacements
from .stable_diffusion import StableDiffusion
from .stable_diffusion_xl import StableDiffusionXL
from .text_to_video import TextToVideo
from .video_fusion import VideoFusion


class Use(NamedTuple):
    """What a model is to be used for.

    Args:
        mode: name of the mode.
        group: the group of families whose models the mode takes.
        example: a model that suits it.
        name: the model's name as it was given.
        edits: whether the UNet takes the latents of a clip beside those of the frames.
        values: of the run's parameters.
        motion: the motion modules that are put between its layers.
    """

    mode: str
    group: str
    example: str
    name: str
    edits: bool = False
    values: Mapping[str, Any] = {}
    motion: MotionModules | None = None


class Family(Protocol):
    """A kind of model: how it is recognised, how large its frames are, how it is loaded, which pipeline it needs.

    Args:
        name: of the family.
        group: "image" for models of pictures, "video" for those that were trained on videos.
        any_latents: whether the UNet takes latents that do not halve evenly.
    """

    name: str
    group: str
    any_latents: bool

    def recognises(self, model: Path) -> bool:
        """Whether a model, given as its folder or file, is of this family."""

    def frame_configs(self, model: Path, vae: str | None = None) -> tuple[dict, dict]:
        """The configurations of its UNet and VAE, or of ``vae`` instead, which decide the sizes of its frames."""

    def check(self, model: Path, use: Use) -> None:
        """Raises InputError for a model of the family that cannot do this."""

    def load(self, model: Path, precision: str, adapters: Adapters, instead: Replacements) -> dict[str, Any]:
        """The parts of a model as the pipeline takes them; they read their weights when they are needed.

        Raises:
            InputError: weights or adapters that do not fit exactly.
        """

    def pipeline(self, of_mode: str) -> str:
        """The pipeline, "module:class" in ``ppt2v.pipelines``, where the mode's own is ``of_mode``."""


# The first that recognises a model has it; the last one takes what no other does.
FAMILIES: tuple[Family, ...] = (VideoFusion(), TextToVideo(), StableDiffusionXL(), StableDiffusion())


def family_of(model: Path) -> Family:
    """The family of a model, given as its folder or file."""
    return next(family for family in FAMILIES if family.recognises(model))


def fitting_family(model: Path, use: Use) -> Family:
    """The family of a model that can be used so.

    Raises:
        InputError: it is of another group, or cannot do what is asked.
    """
    family = family_of(model)
    if family.group != use.group:
        verdict = words("a text-to-video model") if family.group == "video" else words("no text-to-video model")
        raise InputError(
            "E-MODEL-USE",
            "{name} is {verdict}; for {mode} choose one such as {example}",
            name=use.name,
            verdict=verdict,
            mode=use.mode,
            example=use.example,
        )
    family.check(model, use)
    return family
