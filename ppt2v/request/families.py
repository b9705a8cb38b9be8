"""What the names of a model and of what goes with it say of their families, before anything is downloaded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ppt2v.controls import CONTROLS
from ppt2v.errors import InputError
from ppt2v.language import Message, words
from ppt2v.models.adapters import origin
from ppt2v.models.adapters.adapters import Adapters
from ppt2v.models.sources import catalogue, locate

from .guides import Guide


class _Added(NamedTuple):
    """Something that goes with a model: what it is, its name, and the family that it was made for."""

    what: Message
    name: str
    made_for: str | Message | None


def check_families(model: str, guides: Sequence[Guide], adapters: Adapters, module: str | None) -> None:
    """Refuses ControlNets, adapters and a motion module that are known to belong to another family than a known model.

    Whether all else fits is for the networks to say, once they are there.

    Raises:
        InputError: names the model's family and that of what does not fit.
    """
    known = None if locate.is_embedded(model) else catalogue.known(model)
    family = known and origin.WIDTHS.get(known.text_width)
    if not family:
        return
    for what, name, made_for in [*_of_module(module), *_of_guides(guides), *_of_adapters(adapters)]:
        if made_for in origin.WIDTHS.values() and made_for != family:
            raise InputError(
                "E-FAMILY-OTHER",
                "{what} {name} was made for {made_for}, and {model} is a model of {family}; give one made for that",
                what=what,
                name=name,
                made_for=made_for,
                model=model,
                family=family,
            )


def _of_guides(guides: Sequence[Guide]) -> list[_Added]:
    widths = {name: width for control in CONTROLS.values() for width, name in control.networks.items()}
    return [
        _Added(words("the ControlNet"), guide.model, origin.WIDTHS.get(widths.get(guide.model, 0))) for guide in guides
    ]


def _of_module(module: str | None) -> list[_Added]:
    known = catalogue.known(module) if module else None
    return [_Added(words("the motion module"), str(module), origin.WIDTHS.get(known.text_width))] if known else []


def _of_adapters(adapters: Adapters) -> list[_Added]:
    loras = [_Added(words("the LoRA"), str(lora.file), lora.family) for lora in adapters.loras]
    inversions = [_Added(words("the textual inversion"), str(each.file), each.family) for each in adapters.inversions]
    return [*loras, *inversions]
