"""Runs that start again from what they have made (FreeInit, arXiv 2312.07537, section 4.2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import paddle

from ppt2v.pipelines.methods.frequencies import joined

from .solvers import Solver


@dataclass(frozen=True)
class FreeInit:
    """Runs the schedule several times: the slow, large part of what one iteration makes is where the next one starts.

    ``iterations``: how many, >= 1. ``draw``: makes the noise of all frames for an iteration, the first one being 0.
    """

    iterations: int
    draw: Callable[[int], paddle.Tensor]

    def start(self, solver: Solver, made: paddle.Tensor, iteration: int) -> paddle.Tensor:
        """The latents before the first step of an iteration, made of those at the end of the one before.

        These are noised, with the noise of iteration 0, to the last level of the model's training.
        """
        noised = solver.fully_noised(made, self.draw(0))
        mixed = joined(noised.numpy(), self.draw(iteration).numpy())
        return solver.start(paddle.to_tensor(mixed))
