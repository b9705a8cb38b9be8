"""What the page offers for a mode: parameters, models, sample clips, and the values that it starts from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ppt2v.errors import InputError
from ppt2v.models.sources import locate
from ppt2v.models.sources.catalogue import KNOWN, usual
from ppt2v.modes import Mode
from ppt2v.parameters import Parameter, resolve
from ppt2v.request.own_values import own_values
from ppt2v.serving import offers
from ppt2v.serving.limits import Limits

# A page shows a video itself, and keeps a job's last step itself.
_ITS_OWN = ("output", "format")


class Choice(NamedTuple):
    """A model that may be chosen: its name, how many GB it has on the disk (None: unknown), whether it is there."""

    name: str
    gb: float | None
    here: bool


def parameters(row: Mode, limits: Limits) -> tuple[Parameter, ...]:
    """What a visitor may say."""
    return tuple(parameter for parameter in limits.open_parameters(row) if parameter.holds not in _ITS_OWN)


def models(row: Mode, limits: Limits) -> list[Choice]:
    """The mode's own model, those that the operator named, and at home those on disk and the known ones to download,
    as far as they suit the mode."""
    on_disk = {name: folder for name, folder, _ in locate.cached()}
    offered = {name: on_disk.get(name) or offers.here(name) for name in limits.models}
    if limits.at_home:
        offered |= on_disk
    here = {name: place for name, place in offered.items() if place and offers.suits(row, name, place)}
    missing = [name for name, place in offered.items() if place is None and locate.would_download(name)]
    if limits.at_home:
        missing += _known_but_missing(row, {*offered})
    own = row.default("model_name")
    return [
        Choice(own, locate.size(locate.locate(own)) / 1e9, True),
        *(Choice(name, locate.size(place) / 1e9, True) for name, place in here.items()),
        *(Choice(name, download_gb(name), False) for name in missing),
    ]


def _known_but_missing(row: Mode, offered: set[str]) -> Iterator[str]:
    for known in KNOWN:
        names = {known.id, known.paddle_id, f"hf:{known.id}"}
        if known.group == row.family and not names & offered and locate.would_download(known.id):
            yield known.id


def download_gb(name: str) -> float | None:
    """About how much is downloaded of a model, in GB; None for one that is not known."""
    found = (known for known in KNOWN if name.removeprefix("hf:") in (known.id, known.paddle_id))
    return next((known.memory_gb("float32") for known in found), None)


def is_downloaded(name: str, limits: Limits) -> bool:
    """Whether a visitor may have a model downloaded, which is not here."""
    return (limits.at_home or name in limits.models) and locate.would_download(name)


def defaults(row: Mode, model: str | None) -> dict[str, Any]:
    """The values of a run of which the model alone is given; what it brings along counts if it is on disk."""
    return resolve(row.parameters, {}, {} if model is None else _brought(row, model))


def _brought(row: Mode, model: str) -> dict[str, Any]:
    try:
        place = _on_disk(model)
        return {**usual(model)} if place is None else own_values(row, model, place)
    except InputError:  # which the visitor is told when it is used
        return {}


def _on_disk(model: str) -> Path | None:
    cached = {name: folder for name, folder, _ in locate.cached()}
    if model in cached:
        return cached[model]
    is_here = locate.is_embedded(model) or Path(locate.from_anywhere(model)).exists()
    return locate.locate(model) if is_here else None
