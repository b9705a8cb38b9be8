"""A predictor and a corrector of one family."""

from __future__ import annotations

import math

import numpy as np
import paddle

from .sigmas import LogRatioSolver
from .solver import DrawNoise, Frames


class UniPC(LogRatioSolver):
    """UniPC (arXiv 2302.04867, algorithms 1 and 2) of order 2 that predicts clean latents, with B(h) = exp(h) - 1.

    Each step corrects the latents by what is predicted for them before it goes on. ``history`` keeps the corrected
    latents of the last step and, where there was one, what the frames were taken for in the step before it.
    """

    def step(self, predicted: paddle.Tensor, step: int, frames: Frames, noise: DrawNoise) -> Frames:
        clean, latents = self._clean(predicted, step, frames), frames.latents
        if frames.history is not None:
            latents = self._corrected(clean, step, frames)
        moved = self._moved(latents, clean, step)
        if frames.clean is not None and step + 1 < len(self.timesteps):
            slope = (frames.clean - clean) / self._place(step - 1, step)
            moved = moved + self._gain(step) / 2 * slope
        kept = [latents] if frames.clean is None else [latents, frames.clean]
        return Frames(moved, clean, paddle.stack(kept, axis=1))

    def _corrected(self, clean: paddle.Tensor, step: int, frames: Frames) -> paddle.Tensor:
        """The latents before a step, made anew from those before the last one with what is now known."""
        begin, *earlier = frames.history.unbind(axis=1)
        moved, change = self._moved(begin, frames.clean, step - 1), clean - frames.clean
        if not earlier:
            return moved + self._gain(step - 1) / 2 * change
        place = self._place(step - 2, step - 1)
        back, ahead = self._weights(step - 1, place)
        slope = (earlier[0] - frames.clean) / place
        return moved + self._gain(step - 1) * (back * slope + ahead * change)

    def _moved(self, latents: paddle.Tensor, clean: paddle.Tensor, step: int) -> paddle.Tensor:
        """The step of first order."""
        return self.level(step + 1)[1] / self.level(step)[1] * latents + self._gain(step) * clean

    def _gain(self, step: int) -> float:
        """How much of the clean latents a step adds."""
        return -self.level(step + 1)[0] * math.expm1(-self._length(step))

    def _length(self, step: int) -> float:
        """Of a step, in log signal-to-noise ratio: the paper's h."""
        return self._log_ratio(step + 1) - self._log_ratio(step)

    def _place(self, earlier: int, step: int) -> float:
        """Where an earlier step began, in lengths of this one from its beginning: the paper's r."""
        return (self._log_ratio(earlier) - self._log_ratio(step)) / self._length(step)

    def _weights(self, step: int, place: float) -> tuple[float, float]:
        """Of the slope to an earlier prediction and of that to the next one: the paper's solution of R rho = b."""
        length = -self._length(step)
        unit = math.expm1(length)
        first = unit / length - 1
        second = first / length - 1 / 2
        back, ahead = np.linalg.solve([[1, 1], [place, 1]], [first / unit, 2 * second / unit])
        return float(back), float(ahead)
