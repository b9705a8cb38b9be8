"""What the solvers have in common that count noise levels as sigmas."""

from __future__ import annotations

import math

import numpy as np
import paddle

from ppt2v.pipelines.planning import sigmas

from .solver import Solver


class SigmaSolver(Solver):
    """A solver whose latents are clean ones plus sigma times a direction (arXiv 2206.00364).

    The sum is kept divided by its own scale, as all solvers here keep it: the levels stay finite where no signal is
    left, and timesteps between two of the training schedule's are allowed.

    Args:
        karras: whether the sigmas lie as in eq. 5 of the paper instead of at evenly spaced timesteps.
    """

    spaced = staticmethod(sigmas.with_least)

    def __init__(self, scheduler, steps: int, karras: bool = False):
        self.karras = karras
        super().__init__(scheduler, steps)

    def start(self, noise: paddle.Tensor) -> paddle.Tensor:
        # As diffusers does it: the leading spacing takes the noise for all there is, the others scale it to its share.
        return noise if self._spacing == "leading" else noise * self.level(0)[1]

    def scaled(self, latents: paddle.Tensor, step: int) -> paddle.Tensor:
        return latents

    def level(self, step: int) -> tuple[float, float]:
        scale = math.hypot(self._sigmas[step], 1)
        return 1 / scale, self._sigmas[step] / scale

    def _schedule(self, steps: int) -> list[float]:
        config = self.scheduler.config
        # Schedulers of this kind have another spacing than DDIM where a model's file says nothing.
        unsaid = "timestep_spacing" in config.get("_use_default_values", ())
        self._spacing = "linspace" if unsaid else config.timestep_spacing
        self._trained = sigmas.trained(self.scheduler.alphas_cumprod.numpy(), self._spacing, config.steps_offset)
        timesteps, scales = self._staged(*self.spaced(self._trained, steps, self.karras))
        self._sigmas = [*scales.tolist(), 0.0]
        return timesteps.tolist()

    def _staged(self, timesteps: np.ndarray, scales: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Timesteps and sigmas of all predictions, given those of the steps."""
        return timesteps, scales

    def _direction(self, clean: paddle.Tensor, step: int, latents: paddle.Tensor) -> paddle.Tensor:
        """Where the noise points in latents as they stand before a step."""
        signal, amount = self.level(step)
        return (latents - signal * clean) / amount


class LogRatioSolver(SigmaSolver):
    """One that measures its steps in the logarithm of signal to noise (arXiv 2206.00927)."""

    spaced = staticmethod(sigmas.without_least)

    def start(self, noise: paddle.Tensor) -> paddle.Tensor:
        return noise

    def _log_ratio(self, step: int) -> float:
        """The paper's lambda before a step; infinite where no noise is left."""
        return -math.log(self._sigmas[step]) if self._sigmas[step] else math.inf


def ancestral(now: float, after: float) -> tuple[float, float]:
    """Down to which sigma a step goes, and the sigma of the fresh noise that brings it up again to the next level."""
    up = after * math.sqrt(1 - (after / now) ** 2)
    return after**2 / now, up
