"""Writes tests/data/solvers_reference.npz: where PyTorch diffusers' schedulers go, on kinds of schedules.

The scheduler is made as people make it, by ``from_config`` of the model's own; a formula stands for the network
(``predict``, as in test_solvers.py), and noise depends on the number of the prediction. Made with torch 2.13, diffusers
0.42.1 and torchsde 0.2.6, which the tests do not need.
"""

from __future__ import annotations

import inspect
import math
import sys
from pathlib import Path
from unittest import mock

import diffusers
import numpy as np
import torch

FILE = Path(__file__).parent / "solvers_reference.npz"
SHAPE = (2, 1, 2, 2)
STABLE_DIFFUSION = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
}
SCHEDULES = {
    "unsaid": {},
    "leading": {"timestep_spacing": "leading"},
    "linspace v": {"timestep_spacing": "linspace", "prediction_type": "v_prediction"},
    "trailing": {"timestep_spacing": "trailing"},
    "zero snr v": {
        "timestep_spacing": "trailing",
        "rescale_betas_zero_snr": True,
        "prediction_type": "v_prediction",
    },
}
STEPS = (1, 3, 7, 20)
KARRAS = {"use_karras_sigmas": True}
SDE = {"algorithm_type": "sde-dpmsolver++"}
SOLVERS = {
    "ddim": ("DDIM", {}),
    "euler": ("EulerDiscrete", {}),
    "euler_a": ("EulerAncestralDiscrete", {}),
    "heun": ("HeunDiscrete", {}),
    "dpm2": ("KDPM2Discrete", {}),
    "dpm2_a": ("KDPM2AncestralDiscrete", {}),
    "lms": ("LMSDiscrete", {}),
    "dpmsolver++": ("DPMSolverMultistep", {}),
    "dpm++_2m_sde": ("DPMSolverMultistep", SDE),
    "dpm++_sde": ("DPMSolverSDE", {}),
    "unipc": ("UniPCMultistep", {}),
    "lcm": ("LCM", {}),
    "tcd": ("TCD", {}),
}
ON_KARRAS = ("euler", "heun", "dpm2", "dpm2_a", "lms", "dpmsolver++", "dpm++_2m_sde", "dpm++_sde", "unipc")


def predict(latents: torch.Tensor, timestep: float) -> torch.Tensor:
    return (latents * 0.9 + 0.1 * torch.sin(latents * 3)) * (timestep / 1000) ** 0.5


def noise(number: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(number).standard_normal(SHAPE, np.float32))


def brownian(number: int):
    """What torchsde's Brownian motion stands for, made of the noise of each prediction."""

    def sample(now: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
        if number % 2 == 0:
            return noise(number)
        between = math.sqrt(now * after)
        parts = math.sqrt(now - between) * noise(number - 1) + math.sqrt(between - after) * noise(number)
        return parts / math.sqrt(now - after)

    return sample


def follow(kind: str, options: dict, schedule: dict, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """The timesteps, and the latents after the last one."""
    config = diffusers.DDIMScheduler(**STABLE_DIFFUSION, **schedule).config
    scheduler = getattr(diffusers, f"{kind}Scheduler").from_config(config, **options)
    module = sys.modules[type(scheduler).__module__]
    scheduler.set_timesteps(steps)
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(0)
    latents = noise(1000) * scheduler.init_noise_sigma
    for number, timestep in enumerate(scheduler.timesteps):
        predicted = predict(scheduler.scale_model_input(latents, timestep), float(timestep))
        if kind == "DPMSolverSDE":
            scheduler.noise_sampler = brownian(number)
        with mock.patch.object(module, "randn_tensor", lambda *_, **__: noise(number), create=True):
            latents = scheduler.step(predicted, timestep, latents).prev_sample
    return scheduler.timesteps.numpy().astype(np.float32), latents.numpy().astype(np.float32)


def takes(kind: str, schedule: dict) -> bool:
    """Whether diffusers' scheduler knows a schedule that ends without signal, where it is asked to."""
    known = inspect.signature(getattr(diffusers, f"{kind}Scheduler")).parameters
    return "rescale_betas_zero_snr" not in schedule or "rescale_betas_zero_snr" in known


def all_of(kind: str, options: dict) -> tuple[np.ndarray, np.ndarray]:
    """Timesteps ``[schedules, predictions]`` and latents ``[schedules, steps, ...]``; NaN where diffusers lacks one."""
    timesteps, latents = [], []
    for schedule in SCHEDULES.values():
        made = [follow(kind, options, schedule if takes(kind, schedule) else {}, steps) for steps in STEPS]
        lacking = 0 if takes(kind, schedule) else np.nan
        timesteps.append(np.concatenate([each for each, _ in made]) + lacking)
        latents.append(np.stack([each for _, each in made]) + lacking)
    return np.stack(timesteps), np.stack(latents)


def main() -> None:
    stored, karras = {}, {f"{name}_karras": (SOLVERS[name][0], {**SOLVERS[name][1], **KARRAS}) for name in ON_KARRAS}
    for name, (kind, options) in {**SOLVERS, **karras}.items():
        stored[f"{name}/timesteps"], stored[f"{name}/latents"] = all_of(kind, options)
    np.savez_compressed(FILE, **{name: array.astype(np.float32) for name, array in stored.items()})


if __name__ == "__main__":
    main()
