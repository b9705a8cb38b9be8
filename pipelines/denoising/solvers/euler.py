"""Steps of first order along the direction of the noise (arXiv 2206.00364)."""

from __future__ import annotations

import paddle

from .sigmas import SigmaSolver, ancestral
from .solver import DrawNoise, Frames


class Euler(SigmaSolver):
    """Euler's method (algorithm 1 without its correction): deterministic."""

    def step(self, predicted: paddle.Tensor, step: int, frames: Frames, noise: DrawNoise) -> Frames:
        clean = self._clean(predicted, step, frames)
        signal, amount = self.level(step + 1)
        return Frames(signal * clean + amount * self._direction(clean, step, frames.latents), clean)


class EulerAncestral(SigmaSolver):
    """Euler steps down to less noise than the next level has, and fresh noise up to it (section 4)."""

    def step(self, predicted: paddle.Tensor, step: int, frames: Frames, noise: DrawNoise) -> Frames:
        clean = self._clean(predicted, step, frames)
        direction = self._direction(clean, step, frames.latents)
        next_signal = self.level(step + 1)[0]
        down, up = ancestral(*self._sigmas[step : step + 2])
        moved = clean + down * direction
        return Frames(next_signal * (moved + up * noise()) if up else next_signal * moved, clean)
