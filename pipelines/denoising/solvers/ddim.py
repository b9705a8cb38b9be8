"""Denoising diffusion implicit models."""

from __future__ import annotations

import inspect

import paddle

from ppt2v.errors import InputError

from .solver import DrawNoise, Frames, Solver


class DDIM(Solver):
    """Denoising diffusion implicit models (arXiv 2010.02502), or any stateless scheduler of PPDiffusers.

    Args:
        eta: stochasticity, 0..1 (eq. 16 of the paper).

    Raises:
        InputError: ``eta`` is not 0 and the scheduler has no such parameter.
    """

    def __init__(self, scheduler, steps: int, eta: float = 0.0):
        super().__init__(scheduler, steps)
        self.eta = eta
        if eta and "variance_noise" not in inspect.signature(scheduler.step).parameters:
            raise InputError(
                "E-ETA-SCHEDULER",
                "eta={eta}: {scheduler} has no eta; use 0, or the DDIM scheduler",
                eta=eta,
                scheduler=type(scheduler).__name__,
            )

    def step(self, predicted: paddle.Tensor, step: int, frames: Frames, noise: DrawNoise) -> Frames:
        stochastic = {"eta": self.eta, "variance_noise": noise()} if self.eta else {}
        made = self.scheduler.step(predicted, self.timesteps[step], frames.latents, **stochastic)
        return Frames(made.prev_sample, getattr(made, "pred_original_sample", None))
