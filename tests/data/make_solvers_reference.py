"""Writes tests/data/solvers_reference.npz: where PyTorch diffusers' DPM-Solver++ goes, for kinds of schedules.

The scheduler is made as people make it, by ``from_config`` of the model's own; a formula stands for the network
(``predict``, as in test_solvers.py). Made with torch 2.13 and diffusers 0.42.1, which the tests do not need.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler

FILE = Path(__file__).parent / "solvers_reference.npz"
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
    "linspace": {"timestep_spacing": "linspace"},
    "trailing": {"timestep_spacing": "trailing"},
    "zero snr": {"timestep_spacing": "trailing", "rescale_betas_zero_snr": True},
}
STEPS = (1, 2, 7, 14, 20, 50)


def predict(latents: torch.Tensor, timestep: int) -> torch.Tensor:
    return (latents * 0.9 + 0.1 * torch.sin(latents * 3)) * (timestep / 1000) ** 0.5


def follow(schedule: str, prediction_type: str, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """The timesteps, and the latents after the last one."""
    config = DDIMScheduler(**STABLE_DIFFUSION, prediction_type=prediction_type, **SCHEDULES[schedule]).config
    scheduler = DPMSolverMultistepScheduler.from_config(config)
    scheduler.set_timesteps(steps)
    latents = torch.from_numpy(np.random.default_rng(0).standard_normal((3, 4, 4, 4), np.float32))
    for timestep in scheduler.timesteps:
        latents = scheduler.step(predict(latents, int(timestep)), timestep, latents).prev_sample
    return scheduler.timesteps.numpy().astype(np.int16), latents.numpy()


def main() -> None:
    stored = {}
    for schedule in SCHEDULES:
        for prediction_type in ("epsilon", "v_prediction"):
            if (schedule, prediction_type) == ("zero snr", "epsilon"):
                continue  # where there is no signal, noise says nothing of the picture
            for steps in STEPS:
                case = f"{schedule} {prediction_type} {steps}"
                stored[f"{case} timesteps"], stored[f"{case} latents"] = follow(schedule, prediction_type, steps)
    np.savez_compressed(FILE, **stored)


if __name__ == "__main__":
    main()
