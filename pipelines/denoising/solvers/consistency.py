"""Solvers for models that were distilled to need few steps of another kind."""

from __future__ import annotations

import math

import paddle

from ppt2v.pipelines.planning.timesteps import DISTILLED_STEPS

from .solver import DrawNoise, Frames, Solver


class _Distilled(Solver):
    """On the timesteps of the schedule on which such models were distilled."""

    def _schedule(self, steps: int) -> list[int]:
        super()._schedule(steps)
        every = len(self.scheduler.alphas_cumprod) // DISTILLED_STEPS
        chosen = [step * DISTILLED_STEPS // steps for step in range(steps)]
        return [(DISTILLED_STEPS - step) * every - 1 for step in chosen]


class LCM(_Distilled):
    """The sampler of latent consistency models (arXiv 2310.04378, algorithm 3)."""

    # Section 5.1 of the consistency models' paper (arXiv 2303.01469) with the scale that LCM's authors published.
    TIMESTEP_SCALE, SIGMA_DATA = 10.0, 0.5

    def step(self, predicted: paddle.Tensor, step: int, frames: Frames, noise: DrawNoise) -> Frames:
        scaled = self.timesteps[step] * self.TIMESTEP_SCALE
        kept = self.SIGMA_DATA**2 / (scaled**2 + self.SIGMA_DATA**2)
        clean = self._clean(predicted, step, frames)
        consistent = kept * frames.latents + scaled / math.hypot(scaled, self.SIGMA_DATA) * clean
        if step + 1 == len(self.timesteps):
            return Frames(consistent, consistent)
        signal, amount = self.level(step + 1)
        return Frames(signal * consistent + amount * noise(), consistent)


class TCD(_Distilled):
    """Trajectory consistency distillation (arXiv 2402.19159, algorithm 4): beyond the next level, and up to it."""

    GAMMA = 0.3  # how far beyond, as in diffusers

    def step(self, predicted: paddle.Tensor, step: int, frames: Frames, noise: DrawNoise) -> Frames:
        clean = self._clean(predicted, step, frames)
        signal, amount = self.level(step)
        direction = (frames.latents - signal * clean) / amount
        last = step + 1 == len(self.timesteps)
        after = 0 if last else self.timesteps[step + 1]
        kept, beyond = (self.scheduler.alphas_cumprod[int(at)].item() for at in (after, (1 - self.GAMMA) * after))
        moved = math.sqrt(beyond) * clean + math.sqrt(1 - beyond) * direction
        if last:
            return Frames(moved, clean)
        return Frames(math.sqrt(kept / beyond) * moved + math.sqrt(1 - kept / beyond) * noise(), clean)
