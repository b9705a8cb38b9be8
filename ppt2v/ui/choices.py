"""What the page offers for a mode: parameters, models, sample clips, and the values that it starts from."""
from __future__ import annotations

from pathlib import Path
from typing import Any

from .. import hub, inputs, request, weights
from ..errors import InputError
from ..limits import Limits
from ..modes import Mode
from ..parameters import Parameter, resolve

# A page shows a video itself, and stops its job with the visit.
_ITS_OWN = (*request.FILES, "save_format")


def parameters(row: Mode, limits: Limits) -> tuple[Parameter, ...]:
    """What a visitor may say."""
    return tuple(parameter for parameter in limits.open_parameters(row) if parameter.name not in _ITS_OWN)


def models(row: Mode, limits: Limits) -> list[str]:
    """The mode's own model, and those on disk that suit it; for strangers only those that the limits name."""
    on_disk = [name for name, folder, _ in hub.cached() if _suits(row, name, folder)]
    return [row.default("model_name"), *(name for name in on_disk if limits.at_home or name in limits.models)]


def _suits(row: Mode, name: str, folder: Path) -> bool:
    """Whether it is a whole model (not a single network, such as a ControlNet) of the mode's family."""
    try:
        inputs.check_family(row, name, folder)
    except InputError:
        return False
    return not (folder / "config.json").exists()


def sample_clips() -> Path:
    """The folder of the sample clips."""
    here = Path(__file__).parents[1]
    places = (here / "samples", here.parent / "__assets__" / "clips")  # installed; in a checkout
    return next(place for place in places if place.is_dir())


def defaults(row: Mode, model: str | None) -> dict[str, Any]:
    """The values of a run of which the model alone is given; what it brings along counts if it is on disk."""
    folder = None if model is None else _on_disk(model)
    own = {} if folder is None else weights.model_defaults(folder).get(row.name, {})
    return {**resolve(row.parameters, {}, own), "model_name": model}


def _on_disk(model: str) -> Path | None:
    cached = {name: folder for name, folder, _ in hub.cached()}
    if model in cached:
        return cached[model]
    is_here = hub.is_embedded(model) or Path(hub.from_anywhere(model)).is_dir()
    try:
        return hub.locate(model) if is_here else None
    except InputError:  # which the visitor is told when it is used
        return None
