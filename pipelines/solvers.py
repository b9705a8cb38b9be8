"""How latents go from one noise level of the schedule to the next."""
from __future__ import annotations

import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

import paddle

from ..errors import InputError
from .schedule import check_eta


class Frames(NamedTuple):
    """Some frames on their way: float32 ``[frames, channels, height, width]``.

    ``clean`` is what the last step took them for without their noise, for solvers that look back; None before the
    first step.
    """

    latents: paddle.Tensor
    clean: paddle.Tensor | None = None

    def part(self, first: int, last: int) -> Frames:
        """The frames ``first`` to ``last``, the latter not included."""
        return Frames(*(tensor if tensor is None else tensor[first:last] for tensor in self))

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
    """

    def __init__(self, scheduler, steps: int):
        self.scheduler = scheduler
        self.timesteps = self._schedule(steps)

    @abstractmethod
    def step(self, predicted: paddle.Tensor, step: int, frames: Frames, noise: DrawNoise) -> Frames:
        """The frames after a step, given the network's prediction for them; ``noise`` draws noise of their shape."""

    def _schedule(self, steps: int) -> list[int]:
        self.scheduler.set_timesteps(steps)
        return [int(timestep) for timestep in self.scheduler.timesteps.tolist()]

    def _clean(self, predicted: paddle.Tensor, step: int, frames: Frames) -> paddle.Tensor:
        return self.scheduler.step(predicted, self.timesteps[step], frames.latents).pred_original_sample

    def _level(self, step: int) -> tuple[float, float]:
        """Signal and noise before a step: the square roots of alpha-bar and of what it leaves to 1."""
        if step < len(self.timesteps):
            kept = self.scheduler.alphas_cumprod[self.timesteps[step]].item()
        else:
            kept = float(self.scheduler.final_alpha_cumprod)
        return math.sqrt(kept), math.sqrt(1 - kept)


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
            raise InputError(f"eta={eta}: {type(scheduler).__name__} has no eta; use 0, or the DDIM scheduler")

    def step(self, predicted: paddle.Tensor, step: int, frames: Frames, noise: DrawNoise) -> Frames:
        stochastic = {"eta": self.eta, "variance_noise": noise()} if self.eta else {}
        return Frames(self.scheduler.step(predicted, self.timesteps[step], frames.latents, **stochastic).prev_sample)


class DPMSolverPlusPlus(Solver):
    """DPM-Solver++(2M) (arXiv 2211.01095, algorithm 2), of first order in the first step and the last."""

    def step(self, predicted: paddle.Tensor, step: int, frames: Frames, noise: DrawNoise) -> Frames:
        clean = self._clean(predicted, step, frames)
        (signal, before), (next_signal, after) = self._level(step), self._level(step + 1)
        # The paper's exp(-h): how much the ratio of noise to signal shrinks; 0 where there was no signal at all.
        shrinking = after * signal / (next_signal * before)
        aim = clean
        if frames.clean is not None and step + 1 < len(self.timesteps):
            aim = clean + self._look_back(step) * (clean - frames.clean)
        return Frames(after / before * frames.latents + next_signal * (1 - shrinking) * aim, clean)

    def _look_back(self, step: int) -> float:
        """The paper's 1 / (2 r): half this step's length over the last one's, in log signal-to-noise ratio."""
        last, this, next_ = (_log_ratio(*self._level(step + shift)) for shift in (-1, 0, 1))
        return (next_ - this) / (this - last) / 2


class LCM(Solver):
    """The sampler of latent consistency models (arXiv 2310.04378, algorithm 3): for models distilled for it."""

    # Section 5.1 of the consistency models' paper (arXiv 2303.01469) with the scale that LCM's authors published.
    TIMESTEP_SCALE, SIGMA_DATA = 10.0, 0.5
    TRAINING_STEPS = 50  # of the schedule on which such models are distilled

    def _schedule(self, steps: int) -> list[int]:
        if steps > self.TRAINING_STEPS:
            raise InputError(f"num_inference_steps={steps}: the solver lcm takes 1 to {self.TRAINING_STEPS} steps")
        super()._schedule(steps)
        every = len(self.scheduler.alphas_cumprod) // self.TRAINING_STEPS
        chosen = [step * self.TRAINING_STEPS // steps for step in range(steps)]
        return [(self.TRAINING_STEPS - step) * every - 1 for step in chosen]

    def step(self, predicted: paddle.Tensor, step: int, frames: Frames, noise: DrawNoise) -> Frames:
        scaled = self.timesteps[step] * self.TIMESTEP_SCALE
        kept = self.SIGMA_DATA**2 / (scaled**2 + self.SIGMA_DATA**2)
        clean = self._clean(predicted, step, frames)
        consistent = kept * frames.latents + scaled / math.hypot(scaled, self.SIGMA_DATA) * clean
        if step + 1 == len(self.timesteps):
            return Frames(consistent)
        signal, amount = self._level(step + 1)
        return Frames(signal * consistent + amount * noise())


def _log_ratio(signal: float, noise: float) -> float:
    return math.log(signal / noise) if signal else -math.inf


def solver(name: str, scheduler, steps: int, eta: float = 0.0) -> Solver:
    """The solver of that name, one of ``schedule.SOLVERS``.

    Raises:
        InputError: ``eta`` is not 0 where there is no such parameter, or a number of steps that it does not take.
    """
    check_eta(eta, name)
    if name == "ddim":
        return DDIM(scheduler, steps, eta)
    return {"dpmsolver++": DPMSolverPlusPlus, "lcm": LCM}[name](scheduler, steps)
