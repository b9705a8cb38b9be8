"""What every solver is: a step from one noise level of the schedule to the next."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

import paddle


class Frames(NamedTuple):
    """Some frames on their way: float32 ``[frames, channels, height, width]``.

    ``clean`` is what the last step took them for without their noise, for solvers that look back and for previews;
    None before the first step. ``history`` is what some solvers keep beside it: ``[frames, terms, channels, height,
    width]``.
    """

    latents: paddle.Tensor
    clean: paddle.Tensor | None = None
    history: paddle.Tensor | None = None

    @property
    def preview(self) -> paddle.Tensor:
        """What is decoded of them in the middle of a run: what they are taken for, where that is known."""
        return self.latents if self.clean is None else self.clean

    def at(self, places: list[int]) -> Frames:
        """The frames at these places, in that order."""
        return Frames(*(tensor if tensor is None else tensor[places] for tensor in self))

    @staticmethod
    def joined(parts: list[Frames]) -> Frames:
        """All the frames, in order."""
        return Frames(*(None if tensors[0] is None else paddle.concat(tensors) for tensors in zip(*parts)))


DrawNoise = Callable[[], paddle.Tensor]


class Solver(ABC):
    """Goes through the schedule of a DDIM scheduler, for any frames at any step: it keeps no state.

    Args:
        scheduler: from PPDiffusers, with the model's noise levels and its kind of prediction.
        steps: their number.

    Where steps are counted beside one (``step``, ``timesteps``, ``level``), each prediction of the network counts:
    ``stages`` of them make a step, and the last step takes one.
    """

    stages = 1

    def __init__(self, scheduler, steps: int):
        self.scheduler = scheduler
        self.timesteps = self._schedule(steps)

    def start(self, noise: paddle.Tensor) -> paddle.Tensor:
        """The latents before the first step, made of standard normal noise."""
        return noise * self.scheduler.init_noise_sigma

    def noised(self, clean: paddle.Tensor, noise: paddle.Tensor, step: int) -> paddle.Tensor:
        """Latents without noise as they stand before a step, with standard normal noise."""
        signal, amount = self.level(step)
        return signal * clean + amount * noise

    def fully_noised(self, clean: paddle.Tensor, noise: paddle.Tensor) -> paddle.Tensor:
        """The same at the last level of the model's training."""
        kept = self.scheduler.alphas_cumprod[-1].item()
        return math.sqrt(kept) * clean + math.sqrt(1 - kept) * noise

    def scaled(self, latents: paddle.Tensor, step: int) -> paddle.Tensor:
        """What the network sees of the latents."""
        return self.scheduler.scale_model_input(latents, self.timesteps[step])

    @abstractmethod
    def step(self, predicted: paddle.Tensor, step: int, frames: Frames, noise: DrawNoise) -> Frames:
        """The frames after a step, given the network's prediction for them; ``noise`` draws noise of their shape."""

    def _schedule(self, steps: int) -> list[int]:
        self.scheduler.set_timesteps(steps)
        return [int(timestep) for timestep in self.scheduler.timesteps.tolist()]

    def _clean(self, predicted: paddle.Tensor, step: int, frames: Frames) -> paddle.Tensor:
        signal, amount = self.level(step)
        if self.scheduler.config.prediction_type == "sample":
            return predicted
        if self.scheduler.config.prediction_type == "v_prediction":
            return signal * frames.latents - amount * predicted
        return (frames.latents - amount * predicted) / signal

    def level(self, step: int) -> tuple[float, float]:
        """Signal and noise before a step: the square roots of alpha-bar and of what it leaves to 1."""
        if step < len(self.timesteps):
            kept = self.scheduler.alphas_cumprod[self.timesteps[step]].item()
        else:
            kept = float(self.scheduler.final_alpha_cumprod)
        return math.sqrt(kept), math.sqrt(1 - kept)
