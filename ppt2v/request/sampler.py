"""The solver that a model's file asks for, where it says more of it than the name of a scheduler.

Nearly every file names the scheduler that it was written by, which decides nothing here; but who has put Karras's noise
levels or noise in each step into it has chosen them, and diffusers takes them from there.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ppt2v.models.families.scheduler_values import check
from ppt2v.models.layouts.json_files import read_json
from ppt2v.models.layouts.rules import TEXT, TRUTH, whole
from ppt2v.pipelines.planning.solver_names import KARRAS, SOLVERS, solver_named

_WITH_NOISE = {"dpmsolver++": "dpm++_2m_sde"}  # where the file says algorithm_type=sde-dpmsolver++
# What schedulers of diffusers can be told that no solver here does.
_LACKING: dict[str, tuple] = {
    "use_exponential_sigmas": (True,),
    "use_beta_sigmas": (True,),
    "use_lu_lambdas": (True,),
    "final_sigmas_type": ("sigma_min",),
    "algorithm_type": ("dpmsolver", "sde-dpmsolver"),
    "solver_order": (1, *range(3, 10)),
}
_TRUTHS = ("use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas", "use_lu_lambdas")
_RULES = {
    **dict.fromkeys(_TRUTHS, TRUTH),
    **dict.fromkeys(("final_sigmas_type", "algorithm_type"), TEXT),
    "solver_order": whole(1, 9),
}


class Sampler(NamedTuple):
    """What a file asks for: a solver, one of ``SOLVERS`` or None; and settings, as NAME=VALUE, that no solver has."""

    solver: str | None = None
    lacking: tuple[str, ...] = ()


def own_sampler(model: Path) -> Sampler:
    """What the file of a model, given as its folder or single file, asks for; nothing where there is no such file.

    Raises:
        InputError: it cannot be read, or a value is of another kind than it has in such a file.
    """
    file = model / "scheduler" / "scheduler_config.json"
    return sampler(read_json(file), str(file)) if file.exists() else Sampler()


def sampler(said: Mapping[str, Any], source: str) -> Sampler:
    """The same of the file's content; ``source``: its name, for errors."""
    check(said, _RULES, source)
    lacking = [name for name, values in _LACKING.items() if said.get(name) in values]
    name, asked = solver_named(str(said.get("_class_name"))), False
    if said.get("algorithm_type") == "sde-dpmsolver++" and name in _WITH_NOISE:
        name, asked = _WITH_NOISE[name], True
    if said.get("use_karras_sigmas"):
        if f"{name}{KARRAS}" in SOLVERS and not said.get("rescale_betas_zero_snr"):
            name, asked = f"{name}{KARRAS}", True
        else:
            lacking.append("use_karras_sigmas")
    return Sampler(name if asked else None, tuple(f"{name}={said[name]}" for name in lacking))
