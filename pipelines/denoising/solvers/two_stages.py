"""Steps of second order: two predictions in each, but for the last one.

Between them a step stands at a level of its own, so that a run counts, saves and cuts it like two steps.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from itertools import pairwise

import numpy as np
import paddle

from .sigmas import SigmaSolver, ancestral
from .solver import DrawNoise, Frames


class TwoStages(SigmaSolver):
    """Solvers whose step is a trial step, and the step itself with what is predicted there."""

    stages = 2

    def step(self, predicted: paddle.Tensor, step: int, frames: Frames, noise: DrawNoise) -> Frames:
        clean = self._clean(predicted, step, frames)
        if step + 1 == len(self.timesteps):
            return Frames(clean, clean)
        direction = self._direction(clean, step, frames.latents)
        if step % 2 == 0:
            return self._trial(clean, direction, step, noise)
        return self._whole(clean, direction, step, frames, noise)

    def _trial(self, clean: paddle.Tensor, direction: paddle.Tensor, step: int, noise: DrawNoise) -> Frames:
        signal, amount = self.level(step + 1)
        return Frames(signal * clean + amount * direction, clean)

    @abstractmethod
    def _whole(
        self, clean: paddle.Tensor, direction: paddle.Tensor, step: int, frames: Frames, noise: DrawNoise
    ) -> Frames:
        """The frames after the step, given what is predicted at the trial's end, where ``frames`` are."""

    def _begin(self, step: int, frames: Frames) -> tuple[paddle.Tensor, paddle.Tensor]:
        """The latents before the trial step, not scaled, and the direction there."""
        direction = self._direction(frames.clean, step, frames.latents)
        return frames.clean + self._sigmas[step - 1] * direction, direction

    def _staged(self, timesteps: np.ndarray, scales: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        at_trials, trials = self._trials(timesteps, scales)
        return _interleaved(timesteps, at_trials), _interleaved(scales, trials)

    def _trials(self, timesteps: np.ndarray, scales: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Timesteps and sigmas at which the trial steps end."""
        trials = np.array([self._between(now, after) for now, after in pairwise(scales)], np.float64)
        return self._trained.timesteps(trials), trials

    def _between(self, now: float, after: float) -> float:
        """The sigma at which a trial step ends: halfway in the logarithm."""
        return math.sqrt(now * after)


class Heun(TwoStages):
    """Heun's method (arXiv 2206.00364, algorithm 1): the trial is the step, and is made with the mean direction."""

    def _whole(
        self, clean: paddle.Tensor, direction: paddle.Tensor, step: int, frames: Frames, noise: DrawNoise
    ) -> Frames:
        begin, before = self._begin(step, frames)
        length = self._sigmas[step + 1] - self._sigmas[step - 1]
        return Frames(self.level(step + 1)[0] * (begin + length / 2 * (before + direction)), clean)

    def _trials(self, timesteps: np.ndarray, scales: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return timesteps[1:], scales[1:]


class DPM2(TwoStages):
    """DPM-Solver-2 (arXiv 2206.00927, algorithm 1): the step is made with the direction halfway."""

    def _whole(
        self, clean: paddle.Tensor, direction: paddle.Tensor, step: int, frames: Frames, noise: DrawNoise
    ) -> Frames:
        begin, _ = self._begin(step, frames)
        down, up = self._aims(self._sigmas[step - 1], self._sigmas[step + 1])
        moved = begin + (down - self._sigmas[step - 1]) * direction
        return Frames(self.level(step + 1)[0] * (moved + up * noise() if up else moved), clean)

    def _staged(self, timesteps: np.ndarray, scales: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return super()._staged(np.round(timesteps) if self.karras else timesteps, scales)

    def _aims(self, now: float, after: float) -> tuple[float, float]:
        """Down to which sigma the step goes, and the sigma of the fresh noise."""
        return after, 0.0


class DPM2Ancestral(DPM2):
    """The same down to less noise than the next level has, and fresh noise up to it."""

    def _aims(self, now: float, after: float) -> tuple[float, float]:
        return ancestral(now, after)

    def _between(self, now: float, after: float) -> float:
        return math.sqrt(now * ancestral(now, after)[0])


class DPMPlusPlusSDE(TwoStages):
    """DPM-Solver++ for the stochastic equation, single steps of second order, as k-diffusion made them ("DPM++ SDE").

    The noise of trial and step are those of one Brownian motion over sigma: ``history`` keeps the direction at the
    beginning and the noise of the trial.
    """

    def _trial(self, clean: paddle.Tensor, direction: paddle.Tensor, step: int, noise: DrawNoise) -> Frames:
        now, after = self._sigmas[step : step + 2]
        down, up = ancestral(now, after)
        drawn = noise()
        moved = clean + down * direction + up * drawn
        return Frames(self.level(step + 1)[0] * moved, clean, paddle.stack([direction, drawn], axis=1))

    def _whole(
        self, clean: paddle.Tensor, direction: paddle.Tensor, step: int, frames: Frames, noise: DrawNoise
    ) -> Frames:
        now, trial, after = self._sigmas[step - 1 : step + 2]
        before, first_noise = frames.history.unbind(axis=1)
        moved_on = math.sqrt(now - trial) * first_noise + math.sqrt(trial - after) * noise()
        down, up = ancestral(now, after)
        kept = down / now * frames.clean + down * before
        moved = kept + (1 - down / now) * clean + up / math.sqrt(now - after) * moved_on
        return Frames(self.level(step + 1)[0] * moved, clean)


def _interleaved(first: np.ndarray, between: np.ndarray) -> np.ndarray:
    joined = np.empty(len(first) + len(between), np.float64)
    joined[::2], joined[1::2] = first, between
    return joined
