"""T0 and T1 of Text2Video-Zero (section 3.3.1) on any schedule: numbers only."""

from __future__ import annotations

from collections.abc import Sequence

from ppt2v.errors import InputError

# t0 and t1 are indices, counted from the end, on this DDIM schedule: 44 and 47 mean the timesteps 881 and 941 of 1000.
REFERENCE_STEPS = 50
DISTILLED, DISTILLED_STEPS = ("lcm", "tcd"), 50  # solvers for distilled models


def check_eta(eta: float, solver: str) -> None:
    """Refuses stochasticity for a solver that has none to choose."""
    if eta and solver != "ddim":
        raise InputError("E-ETA-SOLVER", "eta={eta} belongs to the solver ddim; use that, or eta=0", eta=eta)


def check_steps(steps: int, solver: str) -> None:
    """Refuses more steps than a solver for distilled models has: so many has the schedule of their distillation."""
    if solver in DISTILLED and steps > DISTILLED_STEPS:
        raise InputError(
            "E-DISTILLED-STEPS",
            "num_inference_steps={steps}: the solver {solver} takes 1 to {most} steps",
            steps=steps,
            solver=solver,
            most=DISTILLED_STEPS,
        )


def check_spacing(spacing: str | None, solver: str) -> None:
    """Refuses a spacing of timesteps for a solver that has timesteps of its own."""
    if spacing is not None and solver in DISTILLED:
        raise InputError(
            "E-SPACING-SOLVER",
            "timestep_spacing={spacing}: the solver {solver} has timesteps of its own; leave it out, or take another "
            "solver, such as euler",
            spacing=spacing,
            solver=solver,
        )


def check_motion_levels(t0: int, t1: int) -> None:
    """Refuses a pair that no schedule can have, with the valid range."""
    if not 0 <= t0 < t1 < REFERENCE_STEPS:
        raise InputError(
            "E-MOTION-LEVELS",
            "t0={t0}, t1={t1}: the rule is 0 <= t0 < t1 <= {most}; they are noise levels, counted as indices from "
            "the end of the {steps}-step DDIM schedule (the paper uses t0=44, t1=47)",
            t0=t0,
            t1=t1,
            most=REFERENCE_STEPS - 1,
            steps=REFERENCE_STEPS,
        )


def check_guided_part(count: int, start: float, end: float) -> None:
    """Refuses a part of the schedule, as in ``guided_part``, that holds no step."""
    if not guided_part(count, start, end):
        raise InputError(
            "E-CONTROL-PART",
            "control_guidance_start={start}, control_guidance_end={end}: none of the {count} steps lies between them; "
            "0 and 1 are all steps",
            start=start,
            end=end,
            count=count,
        )


def guided_part(count: int, start: float, end: float) -> range:
    """Those of ``count`` steps that lie wholly between two parts of the schedule, 0..1, as diffusers counts them."""
    steps = [step for step in range(count) if step / count >= start and (step + 1) / count <= end]
    return range(steps[0], steps[-1] + 1) if steps else range(0)


def motion_steps(timesteps: Sequence[int], reference: Sequence[int], t0: int, t1: int) -> tuple[int, int]:
    """The steps at which the latents stand at the noise levels T1 and T0.

    Args:
        timesteps: the schedule in use, descending.
        reference: the same scheduler's timesteps for ``REFERENCE_STEPS`` steps, descending.
        t0, t1: as in ``check_motion_levels``.

    Returns:
        ``(start, warp)``: all frames are denoised together from step ``start`` (nearest to T1) on; the first frame is
        warped as it stands before step ``warp`` (nearest to T0), at least one step later.

    Raises:
        InputError: the schedule has fewer than two steps.
    """
    check_motion_levels(t0, t1)
    if len(timesteps) < 2:
        raise InputError(
            "E-MOTION-STEPS",
            "num_inference_steps={steps}: the motion field needs at least 2 steps, one between T1 and T0",
            steps=len(timesteps),
        )

    def nearest(index: int, first: int, last: int) -> int:
        return min(range(first, last + 1), key=lambda step: abs(timesteps[step] - reference[-index - 1]))

    start = nearest(t1, 0, len(timesteps) - 2)
    return start, nearest(t0, start + 1, len(timesteps) - 1)
