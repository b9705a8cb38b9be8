"""The solvers against the schedulers of diffusers, which keep their state between steps."""

from __future__ import annotations

import numpy as np
import paddle
import pytest
from conftest import DATA
from ppdiffusers import DDIMScheduler

from ppt2v.errors import InputError
from ppt2v.pipelines.denoising.solvers import DDIM, Frames, solver
from ppt2v.pipelines.planning.solver_names import SOLVERS, solver_named

REFERENCE = dict(np.load(DATA / "solvers_reference.npz"))
EXACT = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
}
# As in tests/data/make_solvers_reference.py, in that order.
SCHEDULES = (
    {},
    {"timestep_spacing": "leading"},
    {"timestep_spacing": "linspace", "prediction_type": "v_prediction"},
    {"timestep_spacing": "trailing"},
    {"timestep_spacing": "trailing", "rescale_betas_zero_snr": True, "prediction_type": "v_prediction"},
)
STEPS = (1, 3, 7, 20)
NEED_SIGNAL = ("heun", "dpm2_a", *(name for name in SOLVERS if name.endswith("_karras")))


def random(*shape: int, seed: int = 0) -> paddle.Tensor:
    return paddle.to_tensor(np.random.default_rng(seed).standard_normal(shape, np.float32))


def predict(latents: paddle.Tensor, timestep: float) -> paddle.Tensor:
    """Stands for a network."""
    return (latents * 0.9 + 0.1 * paddle.sin(latents * 3)) * (timestep / 1000) ** 0.5


def follow(made) -> np.ndarray:
    frames = Frames(made.start(random(2, 1, 2, 2, seed=1000)))
    for step, timestep in enumerate(made.timesteps):
        predicted = predict(made.scaled(frames.latents, step), timestep)
        frames = made.step(predicted, step, frames, lambda: random(2, 1, 2, 2, seed=step))
    return frames.latents.numpy()


@pytest.mark.parametrize("name", SOLVERS)
def test_every_solver_is_the_scheduler_of_diffusers(name):
    """From the timesteps to the last latents, for 1 to 20 steps."""
    timesteps, latents = REFERENCE[f"{name}/timesteps"], REFERENCE[f"{name}/latents"]
    compared = 0
    for schedule, all_timesteps, all_expected in zip(SCHEDULES, timesteps, latents):
        if name in NEED_SIGNAL and schedule.get("rescale_betas_zero_snr"):
            continue
        scheduler, made = DDIMScheduler(**EXACT, **schedule), []
        for steps, expected in zip(STEPS, all_expected):
            if np.isfinite(expected).all():
                made.append(solver(name, scheduler, steps))
                # diffusers counts in float32, which has few digits left beside a sigma of 4096.
                tolerance = 1e-3 if schedule.get("rescale_betas_zero_snr") else 2e-4
                error = np.abs(follow(made[-1]) - expected).max()
                assert error < tolerance * expected.std(), f"{schedule} {steps}"
        if made:
            taken = np.concatenate([each.timesteps for each in made])
            np.testing.assert_allclose(taken, all_timesteps, rtol=0, atol=1e-3)
        compared += len(made)
    assert compared >= 16


def test_a_solver_without_history_takes_a_step_of_first_order():
    scheduler = DDIMScheduler(**EXACT, timestep_spacing="trailing")
    frames, predicted = Frames(random(2, 4, 4, 4)), random(2, 4, 4, 4, seed=1)
    made = solver("dpmsolver++", scheduler, 10).step(predicted, 3, frames, None)
    expected = DDIM(scheduler, 10).step(predicted, 3, frames, None)
    np.testing.assert_allclose(made.latents.numpy(), expected.latents.numpy(), atol=1e-5)
    np.testing.assert_allclose(made.clean.numpy(), expected.clean.numpy(), atol=1e-5)


def test_what_a_solver_does_not_take_is_refused():
    scheduler = DDIMScheduler(**EXACT)
    with pytest.raises(InputError, match="eta=0.5 belongs to the solver ddim"):
        solver("dpmsolver++", scheduler, 10, eta=0.5)
    with pytest.raises(InputError, match="lcm takes 1 to 50"):
        solver("lcm", scheduler, 51)


@pytest.mark.parametrize("name", NEED_SIGNAL)
def test_a_solver_that_needs_signal_refuses_a_schedule_that_ends_without_any(name):
    with pytest.raises(InputError, match="end without any signal.*take euler, dpmsolver"):
        solver(name, DDIMScheduler(**EXACT, **SCHEDULES[-1]), 10)


def test_frames_are_cut_and_joined_with_their_history():
    whole = Frames(random(5, 1, 2, 2), random(5, 1, 2, 2, seed=1))
    again = Frames.joined([whole.at([0, 1]), whole.at([2, 3, 4])])
    assert np.array_equal(again.latents, whole.latents) and np.array_equal(again.clean, whole.clean)
    assert Frames.joined([Frames(whole.latents).at([0, 1])]).clean is None


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("DDIM", "ddim"),
        ("Euler a", "euler_a"),
        ("EulerAncestralDiscreteScheduler", "euler_a"),
        ("DPM++ 2M Karras", "dpmsolver++_karras"),
        ("dpmpp_2m", "dpmsolver++"),
        ("DPMSolverMultistepScheduler", "dpmsolver++"),
        ("dpm++ 2m sde karras", "dpm++_2m_sde_karras"),
        ("DPM++ SDE", "dpm++_sde"),
        ("DPM2 a Karras", "dpm2_a_karras"),
        ("uni-pc", "unipc"),
        ("TCDScheduler", "tcd"),
    ],
)
def test_solvers_are_known_by_the_names_that_people_give_them(written, name):
    assert solver_named(written) == name in SOLVERS


@pytest.mark.parametrize("written", ["LCM Karras", "euler_a_karras", "plms", ""])
def test_what_no_solver_is_called_stays_as_it_is(written):
    assert solver_named(written) == written
