"""What the page offers for a mode: parameters, models, sample clips, and the values that it starts from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ppt2v.errors import InputError
from ppt2v.models.families import stable_diffusion
from ppt2v.models.families.family import family_of
from ppt2v.models.sources import locate
from ppt2v.modes import Mode
from ppt2v.parameters import Parameter, resolve
from ppt2v.serving.limits import Limits

# A page shows a video itself, and stops its job with the visit.
_ITS_OWN = ("output", "format")


def parameters(row: Mode, limits: Limits) -> tuple[Parameter, ...]:
    """What a visitor may say."""
    return tuple(parameter for parameter in limits.open_parameters(row) if parameter.holds not in _ITS_OWN)


def models(row: Mode, limits: Limits) -> list[str]:
    """The mode's own model, those that the operator named, and at home those on disk, as far as they suit the mode."""
    on_disk = {name: folder for name, folder, _ in locate.cached()}
    named = {name: on_disk.get(name) or _here(name) for name in limits.models}
    offered = {**named, **on_disk} if limits.at_home else named
    return [row.default("model_name"), *(name for name, place in offered.items() if place and _suits(row, place))]


def _here(name: str) -> Path | None:
    """The folder or file that a name is the path of, if any."""
    place = Path(locate.from_anywhere(name))
    return place if place.exists() else None


def _suits(row: Mode, model: Path) -> bool:
    """Whether it is a whole model (not a single network, such as a ControlNet) of the mode's group of families."""
    try:
        return family_of(model).group == row.family and not (model / "config.json").exists()
    except InputError:
        return False


def defaults(row: Mode, model: str | None) -> dict[str, Any]:
    """The values of a run of which the model alone is given; what it brings along counts if it is on disk."""
    folder = None if model is None else _on_disk(model)
    own = {} if folder is None else stable_diffusion.model_defaults(folder).get(row.name, {})
    return resolve(row.parameters, {}, own)


def _on_disk(model: str) -> Path | None:
    cached = {name: folder for name, folder, _ in locate.cached()}
    if model in cached:
        return cached[model]
    is_here = locate.is_embedded(model) or Path(locate.from_anywhere(model)).is_dir()
    try:
        return locate.locate(model) if is_here else None
    except InputError:  # which the visitor is told when it is used
        return None
