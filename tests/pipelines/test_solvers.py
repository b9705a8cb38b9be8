"""The solvers against the schedulers of diffusers and PPDiffusers, which keep their state between steps."""

from __future__ import annotations

from itertools import product

import numpy as np
import paddle
import pytest
from conftest import DATA
from ppdiffusers import DDIMScheduler, LCMScheduler

from ppt2v.errors import InputError
from ppt2v.pipelines.denoising.solvers import DDIM, Frames, solver

REFERENCE = dict(np.load(DATA / "solvers_reference.npz"))
STABLE_DIFFUSION = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
EXACT = {**STABLE_DIFFUSION, "clip_sample": False, "set_alpha_to_one": False, "steps_offset": 1}


def random(*shape: int, seed: int = 0) -> paddle.Tensor:
    return paddle.to_tensor(np.random.default_rng(seed).standard_normal(shape, np.float32))


def predict(latents: paddle.Tensor, timestep: int) -> paddle.Tensor:
    """Stands for a network."""
    return (latents * 0.9 + 0.1 * paddle.sin(latents * 3)) * (timestep / 1000) ** 0.5


def follow(made, noises: list | None = None) -> np.ndarray:
    frames = Frames(random(3, 4, 4, 4))
    for step, timestep in enumerate(made.timesteps):
        frames = made.step(predict(frames.latents, timestep), step, frames, lambda: noises[step])
    return frames.latents.numpy()


def follow_scheduler(scheduler, steps: int, **options) -> np.ndarray:
    scheduler.set_timesteps(steps)
    latents = random(3, 4, 4, 4)
    for timestep in scheduler.timesteps:
        latents = scheduler.step(predict(latents, int(timestep)), timestep, latents, **options).prev_sample
    return latents.numpy()


@pytest.mark.parametrize(
    ("spacing", "prediction_type"),
    [
        *product(["unsaid", "leading", "linspace", "trailing"], ["epsilon", "v_prediction"]),
        ("zero snr", "v_prediction"),
    ],
)
def test_dpmsolver_is_that_of_diffusers(spacing, prediction_type):
    """From the timesteps to the end without noise (tests/data/make_solvers_reference.py), for 1 to 50 steps."""
    kind = {"unsaid": {}, "zero snr": {"timestep_spacing": "trailing", "rescale_betas_zero_snr": True}}
    kind = kind.get(spacing, {"timestep_spacing": spacing})
    scheduler = DDIMScheduler(**EXACT, prediction_type=prediction_type, **kind)
    for steps in (1, 2, 7, 14, 20, 50):
        case = f"{spacing} {prediction_type} {steps}"
        ours, expected = solver("dpmsolver++", scheduler, steps), REFERENCE[f"{case} latents"]
        assert ours.timesteps == REFERENCE[f"{case} timesteps"].tolist(), case
        np.testing.assert_allclose(follow(ours), expected, atol=2e-5 * np.abs(expected).max(), err_msg=case)
        assert ours.level(len(ours.timesteps)) == (1, 0)


def test_a_solver_without_history_takes_a_step_of_first_order():
    scheduler = DDIMScheduler(**EXACT, timestep_spacing="trailing")
    frames, predicted = Frames(random(2, 4, 4, 4)), random(2, 4, 4, 4, seed=1)
    made = solver("dpmsolver++", scheduler, 10).step(predicted, 3, frames, None)
    expected = DDIM(scheduler, 10).step(predicted, 3, frames, None)
    np.testing.assert_allclose(made.latents.numpy(), expected.latents.numpy(), atol=1e-5)
    np.testing.assert_allclose(made.clean.numpy(), expected.clean.numpy(), atol=1e-5)


@pytest.mark.parametrize("steps", [1, 4, 8])
def test_lcm_is_that_of_ppdiffusers(monkeypatch, steps):
    noises = [random(3, 4, 4, 4, seed=step + 1) for step in range(steps)]
    drawn = iter(noises)
    monkeypatch.setattr("ppdiffusers.schedulers.scheduling_lcm.randn_tensor", lambda *_, **__: next(drawn))
    theirs = LCMScheduler(**STABLE_DIFFUSION)
    ours = solver("lcm", DDIMScheduler(**EXACT), steps)
    expected = follow_scheduler(theirs, steps)
    assert ours.timesteps == [int(timestep) for timestep in theirs.timesteps]
    np.testing.assert_allclose(follow(ours, noises), expected, atol=2e-5 * np.abs(expected).max())


def test_what_a_solver_does_not_take_is_refused():
    scheduler = DDIMScheduler(**EXACT)
    with pytest.raises(InputError, match="eta=0.5 belongs to the solver ddim"):
        solver("dpmsolver++", scheduler, 10, eta=0.5)
    with pytest.raises(InputError, match="lcm takes 1 to 50"):
        solver("lcm", scheduler, 51)


def test_frames_are_cut_and_joined_with_their_history():
    whole = Frames(random(5, 1, 2, 2), random(5, 1, 2, 2, seed=1))
    again = Frames.joined([whole.part(0, 2), whole.part(2, 5)])
    assert np.array_equal(again.latents, whole.latents) and np.array_equal(again.clean, whole.clean)
    assert Frames.joined([Frames(whole.latents).part(0, 2)]).clean is None
