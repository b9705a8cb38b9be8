"""Who takes the frames of an anchored run from step to step: this process, or workers with the same networks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from .denoiser import Denoiser
from .solvers import Frames

Memory = Any  # what the anchor leaves behind at a step for those that attend to it


class Stepping(Protocol):
    """Takes frames through steps of the schedule."""

    def anchor(self, frames: Frames, step: int) -> Iterator[tuple[Frames, Memory]]:
        """The anchor after each step from this one on, and what it leaves behind for the followers at that step."""

    def leg(self, step: int) -> range:
        """The steps that followers take at once from this one on."""

    def followers(self, frames: Frames, chunks: Sequence[list[int]], leg: range, memories: Sequence[Memory]) -> Frames:
        """The followers after the steps of a leg, chunk after chunk.

        Args:
            frames: all of them, in order.
            chunks: their numbers, of those that are computed together.
            leg: the steps.
            memories: what the anchor has left behind at each of these.
        """


class InThisProcess:
    """One after the other, step by step.

    Args:
        denoiser: makes the steps.
    """

    def __init__(self, denoiser: Denoiser):
        self._denoiser = denoiser

    def anchor(self, frames: Frames, step: int) -> Iterator[tuple[Frames, Memory]]:
        unet = self._denoiser.unet
        for each in range(step, len(self._denoiser.solver.timesteps)):
            unet.forget()
            frames = self._denoiser(frames, each, [0])
            yield frames, unet.memory

    def leg(self, step: int) -> range:
        return range(step, step + 1)

    def followers(self, frames: Frames, chunks: Sequence[list[int]], leg: range, memories: Sequence[Memory]) -> Frames:
        [step], [memory] = leg, memories
        self._denoiser.unet.memory = memory
        parts = [frames.at([frame - 1 for frame in chunk]) for chunk in chunks]
        return Frames.joined([self._denoiser(part, step, chunk) for part, chunk in zip(parts, chunks)])
