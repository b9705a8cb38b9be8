"""Steps of higher order that look back at earlier predictions."""

from __future__ import annotations

import math

import numpy as np
import paddle

from .sigmas import LogRatioSolver, SigmaSolver
from .solver import DrawNoise, Frames


class DPMSolverPlusPlus(LogRatioSolver):
    """DPM-Solver++(2M) (arXiv 2211.01095, algorithm 2), of first order in the first step and the last.

    As in diffusers it has timesteps of its own, and the last step ends without noise.
    """

    def step(self, predicted: paddle.Tensor, step: int, frames: Frames, noise: DrawNoise) -> Frames:
        clean = self._clean(predicted, step, frames)
        aim = clean
        if frames.clean is not None and step + 1 < len(self.timesteps):
            aim = clean + self._look_back(step) * (clean - frames.clean)
        return Frames(self._moved(frames.latents, aim, step, noise), clean)

    def _moved(self, latents: paddle.Tensor, aim: paddle.Tensor, step: int, noise: DrawNoise) -> paddle.Tensor:
        (_, before), (next_signal, after) = self.level(step), self.level(step + 1)
        return after / before * latents + next_signal * (1 - self._shrinking(step)) * aim

    def _shrinking(self, step: int) -> float:
        """The paper's exp(-h): how much the ratio of noise to signal shrinks."""
        (signal, before), (next_signal, after) = self.level(step), self.level(step + 1)
        return after * signal / (next_signal * before)

    def _look_back(self, step: int) -> float:
        """The paper's 1 / (2 r): half this step's length over the last one's, in log signal-to-noise ratio."""
        last, this, next_ = (self._log_ratio(step + shift) for shift in (-1, 0, 1))
        return (next_ - this) / (this - last) / 2


class DPMPlusPlus2MSDE(DPMSolverPlusPlus):
    """The same for the stochastic equation ("DPM++ 2M SDE"), with fresh noise in each step but the last."""

    def _moved(self, latents: paddle.Tensor, aim: paddle.Tensor, step: int, noise: DrawNoise) -> paddle.Tensor:
        (_, before), (next_signal, after) = self.level(step), self.level(step + 1)
        shrinking = self._shrinking(step)
        moved = after / before * shrinking * latents + next_signal * (1 - shrinking**2) * aim
        return moved + after * math.sqrt(1 - shrinking**2) * noise() if after else moved


class LMS(SigmaSolver):
    """A linear multistep method (Adams-Bashforth, of order 4) over sigma; ``history`` keeps the last directions."""

    ORDER = 4

    def step(self, predicted: paddle.Tensor, step: int, frames: Frames, noise: DrawNoise) -> Frames:
        clean = self._clean(predicted, step, frames)
        directions = self._direction(clean, step, frames.latents).unsqueeze(1)
        if frames.history is not None:
            directions = paddle.concat([directions, frames.history[:, : self.ORDER - 1]], axis=1)
        weights = paddle.to_tensor(self._weights(step, directions.shape[1]), "float32").reshape([1, -1, 1, 1, 1])
        moved = clean + self._sigmas[step] * directions[:, 0] + (weights * directions).sum(axis=1)
        return Frames(self.level(step + 1)[0] * moved, clean, directions)

    def _weights(self, step: int, count: int) -> list[float]:
        """Of the last directions, the newest first: the integrals over the step of Lagrange's polynomials."""
        now, after = self._sigmas[step : step + 2]
        # Counted in units of the step's beginning, so that high powers stay small.
        places, end = [self._sigmas[step - back] / now for back in range(count)], after / now
        weights = []
        for place in places:
            others = [other for other in places if other != place]
            basis = np.poly1d(others, r=True) / math.prod(place - other for other in others)
            integral = basis.integ()
            weights.append(float(integral(end) - integral(1.0)) * now)
        return weights
