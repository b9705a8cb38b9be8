"""The models that clients may name, and what each of them brings along."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ppt2v.errors import InputError
from ppt2v.models.families.family import Use, fitting_family
from ppt2v.models.sources import locate
from ppt2v.modes import MODES, Mode
from ppt2v.parameters import resolve
from ppt2v.request.own_values import own_values

from .limits import Limits

_NETWORK = "config.json"  # in the folder of a single network, such as a ControlNet


class Offer(NamedTuple):
    """A model that may be named.

    Args:
        name: as clients name it.
        modes: the names of those that take it; None where that is only known once it is on this machine.
        defaults: by mode, the values that it brings along.
    """

    name: str
    modes: tuple[str, ...] | None
    defaults: Mapping[str, Mapping[str, Any]]


def offered(limits: Limits) -> list[Offer]:
    """The embedded models, and those that the operator named."""
    on_disk = {name: folder for name, folder, _ in locate.cached()}
    named = {public_name(model): on_disk.get(model) or here(model) for model in limits.models}
    embedded = (_offer(name, place) for name, place in locate.embedded().items())
    whole = [offer for offer in embedded if offer.modes]  # the others are parts of these
    return [*whole, *(_offer(name, place) for name, place in named.items())]


def public_name(model: str) -> str:
    """What clients call a model: its id, or the last part of its path."""
    place = here(model)
    return model if place is None else place.name


def named(name: str, limits: Limits) -> str:
    """The model that a client calls so; another name stays as it is."""
    return {public_name(model): model for model in limits.models}.get(name, name)


def check_names(models: tuple[str, ...]) -> None:
    """Raises InputError where clients could not tell two models apart."""
    names = [public_name(model) for model in models]
    for name, model in zip(names, models):
        if names.count(name) > 1 or (here(model) and locate.is_embedded(name)):
            raise InputError(
                "E-MODEL-SAME-NAME",
                "--model {model}: clients know it as {name!r}, as they do another one; rename the folder",
                model=model,
                name=name,
            )


def defaults(row: Mode) -> dict[str, Any]:
    """What a mode's own model, with which it runs where none is named, brings along."""
    name = row.default("model_name")
    return own_values(row, name, locate.locate(name))


def here(name: str) -> Path | None:
    """The folder or file that a name is the path of, if any."""
    place = Path(locate.from_anywhere(name))
    return place if place.exists() else None


def _offer(name: str, place: Path | None) -> Offer:
    if place is None:
        return Offer(name, None, {})
    modes = tuple(row.name for row in MODES.values() if suits(row, name, place))
    brought = {mode: own_values(MODES[mode], name, place) for mode in modes}
    return Offer(name, modes, {mode: values for mode, values in brought.items() if values})


def suits(row: Mode, name: str, place: Path) -> bool:
    """Whether the model that is in a place is a whole one, which a mode takes."""
    no_module_fits = row.moves and locate.is_embedded(name) and name != row.default("model_name")
    if no_module_fits or (place / _NETWORK).exists():
        return False
    edits = any(parameter.takes_frames and parameter.positional for parameter in row.parameters)
    try:
        values = resolve(row.parameters, {}, own_values(row, name, place))
        return bool(fitting_family(place, Use(row.name, row.family, row.example, name, edits, values)))
    except InputError:
        return False
