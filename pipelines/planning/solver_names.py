"""The solvers by name, and the other names under which people know them."""

from __future__ import annotations

from typing import Any, NamedTuple

KARRAS = "_karras"  # behind the name of a solver on Karras's noise levels


class Named(NamedTuple):
    """A solver: its name, whether it goes on Karras's noise levels too, and what else it is called, in any spelling."""

    name: str
    on_karras: bool
    others: tuple[str, ...]


NAMED = (
    Named("ddim", False, ("DDIMScheduler",)),
    Named("euler", True, ("EulerDiscreteScheduler",)),
    Named("euler_a", False, ("Euler ancestral", "EulerAncestralDiscreteScheduler")),
    Named("heun", True, ("HeunDiscreteScheduler",)),
    Named("dpm2", True, ("DPM 2", "KDPM2DiscreteScheduler")),
    Named("dpm2_a", True, ("DPM2 ancestral", "DPM 2 ancestral", "KDPM2AncestralDiscreteScheduler")),
    Named("lms", True, ("LMSDiscreteScheduler",)),
    Named("dpmsolver++", True, ("DPM++ 2M", "DPMSolverMultistepScheduler")),
    Named("dpm++_2m_sde", True, ()),
    Named("dpm++_sde", True, ("DPMSolverSDEScheduler",)),
    Named("unipc", True, ("UniPCMultistepScheduler",)),
    Named("lcm", False, ("LCMScheduler",)),
    Named("tcd", False, ("TCDScheduler",)),
)
SOLVERS = tuple(name for each in NAMED for name in ([each.name, each.name + KARRAS] if each.on_karras else [each.name]))


def _letters(text: str) -> str:
    """What is left of a name without what web UIs, libraries and people write differently."""
    return "".join(text.casefold().replace("dpmpp", "dpm++").split()).replace("_", "").replace("-", "")


_MEANT = {
    _letters(other + ending): each.name + ending
    for each in NAMED
    for ending in ((("", KARRAS)) if each.on_karras else ("",))
    for other in (each.name, *each.others)
}


def solver_named(given: Any) -> Any:
    """The name, one of ``SOLVERS``, that is meant by one such as "DPM++ 2M Karras"; else what is given."""
    return _MEANT.get(_letters(given), given) if isinstance(given, str) else given
