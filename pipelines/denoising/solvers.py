"""How latents go from one noise level of the schedule to the next."""

from __future__ import annotations

import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import paddle

from ppt2v.errors import InputError
from ppt2v.pipelines.planning.timesteps import check_eta


class Frames(NamedTuple):
    """Some frames on their way: float32 ``[frames, channels, height, width]``.

    ``clean`` is what the last step took them for without their noise, for solvers that look back and for previews;
    None before the first step.
    """

    latents: paddle.Tensor
    clean: paddle.Tensor | None = None

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

LEAST_SIGNAL = 2.0**-24  # of alpha-bar, the bound that diffusers sets to schedules that end without signal


class Solver(ABC):
    """Goes through the schedule of a DDIM scheduler, for any frames at any step: it keeps no state.

    Args:
        scheduler: from PPDiffusers, with the model's noise levels and its kind of prediction.
        steps: their number.
    """

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


class DPMSolverPlusPlus(Solver):
    """DPM-Solver++(2M) (arXiv 2211.01095, algorithm 2), of first order in the first step and the last.

    As in diffusers it has timesteps of its own, and the last step ends without noise.
    """

    def _schedule(self, steps: int) -> list[int]:
        from ppdiffusers import DPMSolverMultistepScheduler

        like = DPMSolverMultistepScheduler.from_config(self.scheduler.config)
        like.set_timesteps(steps)
        return [int(timestep) for timestep in like.timesteps.tolist()]

    def level(self, step: int) -> tuple[float, float]:
        if step == len(self.timesteps):
            return 1.0, 0.0
        kept = max(self.scheduler.alphas_cumprod[self.timesteps[step]].item(), LEAST_SIGNAL)
        return math.sqrt(kept), math.sqrt(1 - kept)

    def step(self, predicted: paddle.Tensor, step: int, frames: Frames, noise: DrawNoise) -> Frames:
        clean = self._clean(predicted, step, frames)
        (signal, before), (next_signal, after) = self.level(step), self.level(step + 1)
        # The paper's exp(-h): how much the ratio of noise to signal shrinks.
        shrinking = after * signal / (next_signal * before)
        aim = clean
        if frames.clean is not None and step + 1 < len(self.timesteps):
            aim = clean + self._look_back(step) * (clean - frames.clean)
        return Frames(after / before * frames.latents + next_signal * (1 - shrinking) * aim, clean)

    def _look_back(self, step: int) -> float:
        """The paper's 1 / (2 r): half this step's length over the last one's, in log signal-to-noise ratio."""
        last, this, next_ = (_log_ratio(*self.level(step + shift)) for shift in (-1, 0, 1))
        return (next_ - this) / (this - last) / 2


class LCM(Solver):
    """The sampler of latent consistency models (arXiv 2310.04378, algorithm 3): for models distilled for it."""

    # Section 5.1 of the consistency models' paper (arXiv 2303.01469) with the scale that LCM's authors published.
    TIMESTEP_SCALE, SIGMA_DATA = 10.0, 0.5
    TRAINING_STEPS = 50  # of the schedule on which such models are distilled

    def _schedule(self, steps: int) -> list[int]:
        if steps > self.TRAINING_STEPS:
            raise InputError(
                "E-LCM-STEPS",
                "num_inference_steps={steps}: the solver lcm takes 1 to {most} steps",
                steps=steps,
                most=self.TRAINING_STEPS,
            )
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
            return Frames(consistent, consistent)
        signal, amount = self.level(step + 1)
        return Frames(signal * consistent + amount * noise(), consistent)


class EulerAncestral(Solver):
    """Euler steps down to less noise than the next level has, and fresh noise up to it (arXiv 2206.00364, section 4).

    What the paper calls x is kept divided by its own scale, as all solvers here keep it: the levels stay finite where
    no signal is left, and timesteps between two of the training schedule's are allowed.
    """

    def _schedule(self, steps: int) -> list[float]:
        from ppdiffusers import EulerAncestralDiscreteScheduler

        like = EulerAncestralDiscreteScheduler.from_config(self.scheduler.config)
        like.set_timesteps(steps)
        self._spacing = like.config.timestep_spacing  # its own default is not that of DDIM
        kept = np.maximum(self.scheduler.alphas_cumprod.numpy().astype(np.float64), LEAST_SIGNAL)
        timesteps = like.timesteps.numpy()
        sigmas = np.interp(timesteps, np.arange(len(kept)), np.sqrt((1 - kept) / kept))
        self._sigmas = [*sigmas.tolist(), 0.0]
        return timesteps.tolist()

    def start(self, noise: paddle.Tensor) -> paddle.Tensor:
        # As diffusers does it: the leading spacing takes the noise for all there is, the others scale it to its share.
        return noise if self._spacing == "leading" else noise * self.level(0)[1]

    def scaled(self, latents: paddle.Tensor, step: int) -> paddle.Tensor:
        return latents

    def step(self, predicted: paddle.Tensor, step: int, frames: Frames, noise: DrawNoise) -> Frames:
        (signal, amount), (next_signal, _) = self.level(step), self.level(step + 1)
        clean = self._clean(predicted, step, frames)
        direction = (frames.latents - signal * clean) / amount
        now, after = self._sigmas[step], self._sigmas[step + 1]
        up = after * math.sqrt(1 - (after / now) ** 2)
        down = after**2 / now
        moved = clean + down * direction
        return Frames(next_signal * (moved + up * noise()) if up else next_signal * moved, clean)

    def level(self, step: int) -> tuple[float, float]:
        scale = math.hypot(self._sigmas[step], 1)
        return 1 / scale, self._sigmas[step] / scale


def _log_ratio(signal: float, noise: float) -> float:
    return math.log(signal / noise)


def solver(name: str, scheduler, steps: int, eta: float = 0.0) -> Solver:
    """The solver of that name, one of ``timesteps.SOLVERS``.

    Raises:
        InputError: ``eta`` is not 0 where there is no such parameter, or a number of steps that it does not take.
    """
    check_eta(eta, name)
    if name == "ddim":
        return DDIM(scheduler, steps, eta)
    return {"dpmsolver++": DPMSolverPlusPlus, "lcm": LCM, "euler_a": EulerAncestral}[name](scheduler, steps)
