"""The values that a model brings along: what holds where nothing is given, before the defaults of the table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ppt2v.models.families import stable_diffusion
from ppt2v.models.sources import catalogue
from ppt2v.modes import Mode

from .sampler import own_sampler


def own_values(mode: Mode, name: str, model: Path, fast: bool = False) -> dict[str, Any]:
    """Values of parameters of a mode, by name.

    The solver that the model's file asks for counts least. For a fast run the model's own preset, that of known models
    for few steps, or the usual one comes first.

    Args:
        name: of the model, by which some are known.
        model: its folder or file.

    Raises:
        InputError: one of its files cannot be read.
    """
    own, known = stable_diffusion.model_defaults(model), catalogue.usual(name)
    usual = known or {"solver": "dpmsolver++", "num_inference_steps": mode.fast_steps}
    preset = own.get("fast", {}).get(mode.name, usual) if fast else {}
    asked = own_sampler(model).solver
    brought = {**({"solver": asked} if asked else {}), **known, **own.get(mode.name, {}), **preset}
    return {parameter: value for parameter, value in brought.items() if mode.has(parameter)}
