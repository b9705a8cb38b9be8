"""Where T0 and T1 lie on schedules of any number of steps."""

from __future__ import annotations

import itertools

import pytest

from ppt2v.errors import InputError
from ppt2v.pipelines.planning.timesteps import (
    REFERENCE_STEPS,
    check_guided_part,
    check_motion_levels,
    guided_part,
    motion_steps,
)


def timesteps(steps: int, spacing: str = "leading") -> list[int]:
    """Stable Diffusion 1.5's timesteps."""
    from ppdiffusers import DDIMScheduler

    scheduler = DDIMScheduler(timestep_spacing=spacing, steps_offset=1)
    scheduler.set_timesteps(steps)
    return scheduler.timesteps.tolist()


@pytest.mark.parametrize(
    "steps, spacing, levels",
    [
        (50, "leading", (941, 881)),
        (100, "leading", (941, 881)),
        (25, "leading", (961, 881)),
        (20, "leading", (951, 901)),
        (10, "leading", (901, 801)),
        (4, "leading", (751, 501)),
        (2, "leading", (501, 1)),
        (50, "trailing", (959, 899)),
        (25, "trailing", (959, 919)),
        (5, "trailing", (999, 799)),
        (50, "linspace", (958, 897)),
    ],
)
def test_the_papers_levels_on_other_schedules(steps, spacing, levels):
    schedule = timesteps(steps, spacing)
    start, warp = motion_steps(schedule, timesteps(REFERENCE_STEPS, spacing), t0=44, t1=47)
    assert (schedule[start], schedule[warp]) == levels


def test_on_the_reference_schedule_the_indices_count_from_the_end():
    reference = timesteps(REFERENCE_STEPS)
    for t0, t1 in itertools.combinations(range(REFERENCE_STEPS), 2):
        assert motion_steps(reference, reference, t0, t1) == (REFERENCE_STEPS - 1 - t1, REFERENCE_STEPS - 1 - t0)


@pytest.mark.parametrize("steps", [2, 3, 7, 25, 333])
def test_there_is_always_a_step_between_the_levels(steps):
    schedule, reference = timesteps(steps), timesteps(REFERENCE_STEPS)
    for t0, t1 in [(0, 1), (0, 49), (20, 21), (44, 47), (48, 49)]:
        start, warp = motion_steps(schedule, reference, t0, t1)
        assert 0 <= start < warp < steps


@pytest.mark.parametrize("t0, t1", [(47, 44), (44, 44), (-1, 47), (44, 50)])
def test_impossible_levels_are_refused_with_the_range(t0, t1):
    with pytest.raises(InputError, match=f"t0={t0}, t1={t1}: the rule is 0 <= t0 < t1 <= 49"):
        check_motion_levels(t0, t1)


def test_one_step_is_too_few():
    with pytest.raises(InputError, match="num_inference_steps=1: .*at least 2"):
        motion_steps(timesteps(1), timesteps(REFERENCE_STEPS), t0=44, t1=47)


@pytest.mark.parametrize("count", [1, 3, 20])
def test_the_part_that_controlnets_guide_is_that_of_diffusers(count):
    for start, end in itertools.product((0.0, 0.2, 1 / 3, 0.5), (0.55, 2 / 3, 0.8, 1.0)):
        kept = [1.0 - float(i / count < start or (i + 1) / count > end) for i in range(count)]
        assert [float(step in guided_part(count, start, end)) for step in range(count)] == kept


@pytest.mark.parametrize("start, end", [(0.5, 0.5), (0.8, 0.2), (0.5, 0.51), (1.0, 1.0)])
def test_a_part_without_a_step_is_refused(start, end):
    with pytest.raises(InputError, match=f"control_guidance_end={end}: none of the 20 steps"):
        check_guided_part(20, start, end)
