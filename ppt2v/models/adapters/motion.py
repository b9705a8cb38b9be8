"""The motion modules that a run puts between the layers of an image model (AnimateDiff, arXiv 2307.04725)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ppt2v.cache import fingerprint
from ppt2v.errors import InputError
from ppt2v.language import Message, words
from ppt2v.models.layouts import motion_modules
from ppt2v.models.layouts.diffusers import weight_files
from ppt2v.models.sources import network

from . import origin

# For which models they are made, by the widths of the levels of their UNets.
_FAMILIES = {(320, 640, 1280, 1280): origin.SD1, (320, 640, 1280): origin.XL}


class MotionModules(NamedTuple):
    """Where the modules are, their name as it was given, and their configuration.

    ``noise_of_model``: whether they were trained with the levels of noise of their image model, and not with
    AnimateDiff's.
    """

    place: Path
    name: str
    config: dict[str, Any]
    noise_of_model: bool

    @property
    def files(self) -> list[Path]:
        """The weights."""
        return [self.place] if self.place.is_file() else weight_files(self.place)

    @property
    def mark(self) -> str:
        """Differs for different files."""
        return " ".join(map(fingerprint, self.files))

    @property
    def longest(self) -> int:
        """The most frames that they tell apart."""
        return self.config["motion_max_seq_length"]

    def check(self, unet: Mapping[str, Any], model: str) -> None:
        """Raises InputError where they do not fit between the layers of a UNet, given its configuration."""
        own = self.config["block_out_channels"], self.config["motion_layers_per_block"]
        wanted = list(unet["block_out_channels"]), unet.get("layers_per_block", 2)
        if own != wanted:
            raise InputError(
                "E-MOTION-MODULE-FAMILY",
                "the motion module {name} was made for {own}; {model} is {wanted}: give a module and a model that "
                "belong together, such as {example} and a model of {family}",
                name=self.name,
                own=_described(*own),
                model=model,
                wanted=_described(*wanted),
                example=network.MOTION_EXAMPLE,
                family=origin.SD1,
            )


def read(name: str, progress: bool = True) -> MotionModules:
    """The modules in a folder, in a file, or of an id; name and progress as for ``locate.locate``.

    Raises:
        InputError: they are none, or of a kind that cannot be run.
    """
    place = network.place(name, network.MOTION_MODULE, progress)
    made = MotionModules(place, name, *motion_modules.configuration(place))
    if _FAMILIES.get(tuple(made.config["block_out_channels"])) == origin.XL:
        raise InputError(
            "E-MOTION-MODULE-XL",
            "{name} is a motion module for {family}: give one for {wanted}, such as {example}",
            name=name,
            family=origin.XL,
            wanted=origin.SD1,
            example=network.MOTION_EXAMPLE,
        )
    return made


def _described(widths: list[int], layers: Any) -> Message:
    """In words what a model has whose UNet is such."""
    known = _FAMILIES.get(tuple(widths))
    if known:
        return words(
            "one of {family}, with {layers} layers at each of the widths {widths}",
            family=known,
            layers=layers,
            widths=widths,
        )
    return words("a model with {layers} layers at each of the widths {widths}", layers=layers, widths=widths)
