"""How latents go from one noise level of the schedule to the next: a file for each kind of solver."""

from __future__ import annotations

from ppt2v.errors import InputError
from ppt2v.pipelines.planning.sigmas import LEAST_SIGNAL
from ppt2v.pipelines.planning.solver_names import KARRAS
from ppt2v.pipelines.planning.timesteps import check_eta, check_steps

from .consistency import LCM, TCD
from .ddim import DDIM
from .euler import Euler, EulerAncestral
from .multistep import LMS, DPMPlusPlus2MSDE, DPMSolverPlusPlus
from .sigmas import SigmaSolver
from .solver import DrawNoise, Frames, Solver
from .two_stages import DPM2, DPM2Ancestral, DPMPlusPlusSDE, Heun
from .unipc import UniPC

__all__ = ["DDIM", "DrawNoise", "Frames", "Solver", "solver"]

_SIGMAS: dict[str, type[SigmaSolver]] = {
    "euler": Euler,
    "euler_a": EulerAncestral,
    "heun": Heun,
    "dpm2": DPM2,
    "dpm2_a": DPM2Ancestral,
    "lms": LMS,
    "dpmsolver++": DPMSolverPlusPlus,
    "dpm++_2m_sde": DPMPlusPlus2MSDE,
    "dpm++_sde": DPMPlusPlusSDE,
    "unipc": UniPC,
}
_DISTILLED = {"lcm": LCM, "tcd": TCD}
_NEEDS_SIGNAL = "heun", "dpm2_a"  # whose first step goes wrong where sigma begins at infinity


def solver(name: str, scheduler, steps: int, eta: float = 0.0) -> Solver:
    """The solver of that name, one of ``solver_names.SOLVERS``.

    Raises:
        InputError: ``eta`` is not 0 where there is no such parameter, or steps or a schedule that it does not take.
    """
    check_eta(eta, name)
    check_steps(steps, name)
    if name == "ddim":
        return DDIM(scheduler, steps, eta)
    if name in _DISTILLED:
        return _DISTILLED[name](scheduler, steps)
    _check_signal(name, scheduler)
    return _SIGMAS[name.removesuffix(KARRAS)](scheduler, steps, name.endswith(KARRAS))


def _check_signal(name: str, scheduler) -> None:
    """Refuses schedules that end without signal where a solver makes no picture of them, or one of most of its steps
    where there is none."""
    if scheduler.alphas_cumprod[-1].item() < LEAST_SIGNAL and (name.endswith(KARRAS) or name in _NEEDS_SIGNAL):
        raise InputError(
            "E-SOLVER-SIGNAL",
            "solver={solver}: the noise levels of this model end without any signal (rescale_betas_zero_snr), where it "
            "goes wrong; take euler, dpmsolver++, dpm++_sde or unipc",
            solver=name,
        )
