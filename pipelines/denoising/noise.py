"""Gaussian noise that depends on the seed, its purpose and the frame, and on nothing else."""

from __future__ import annotations

import numpy as np
import paddle

PURPOSES = ("start", "forward", "step", "base start", "base step", "finer")
BASE = "base "  # in front of the purposes of noise that all frames share


class Noise:
    """Draws the same noise for a frame whatever the chunk size, the device, the number of frames, or a restart.

    Args:
        seed: any integer >= 0.
        content_seed: another one, for the purposes that begin with ``BASE``; None: ``seed`` as well.
    """

    def __init__(self, seed: int, content_seed: int | None = None):
        self.seed, self.content_seed = seed, seed if content_seed is None else content_seed

    def draw(self, purpose: str, frame_ids: list[int], shape: list[int], step: int = 0) -> paddle.Tensor:
        """Standard normal noise, float32 ``[len(frame_ids), *shape]``; ``purpose`` is one of ``PURPOSES``."""
        seed = self.content_seed if purpose.startswith(BASE) else self.seed
        key = [seed, PURPOSES.index(purpose), step]
        frames = [np.random.default_rng([*key, frame]).standard_normal(shape, np.float32) for frame in frame_ids]
        return paddle.to_tensor(np.stack(frames))


class RepeatedNoise:
    """Draws the starts of the frames behind the first window from those before, shuffled (FreeNoise, arXiv 2310.15169).

    A unit of frames gets the noise of the unit that lies a window before it, in another order: what a window sees is
    much like what the last one saw, so that a long clip stays of one piece.

    Args:
        noise: where it comes from.
        window: frames that are computed together.
        unit: frames that are shuffled among themselves.
    """

    def __init__(self, noise: Noise, window: int, unit: int):
        self._noise, self._window, self._unit = noise, window, unit

    def draw(self, purpose: str, frame_ids: list[int], shape: list[int], step: int = 0) -> paddle.Tensor:
        """As ``Noise.draw``."""
        sources = [self._source(frame) for frame in frame_ids] if purpose == "start" else frame_ids
        return self._noise.draw(purpose, sources, shape, step)

    def _source(self, frame: int) -> int:
        while frame >= self._window:
            number, place = divmod(frame - self._window, self._unit)
            order = np.random.default_rng([self._noise.seed, number]).permutation(self._unit)
            frame = number * self._unit + int(order[place])
        return frame


class SharedNoise:
    """Draws the first frame's noise for all frames.

    Args:
        noise: where it comes from.
        purposes: what it is shared for; for the others each frame has its own.
    """

    def __init__(self, noise: Noise, purposes: tuple[str, ...]):
        self._noise, self._purposes = noise, purposes

    def draw(self, purpose: str, frame_ids: list[int], shape: list[int], step: int = 0) -> paddle.Tensor:
        """As ``Noise.draw``."""
        if purpose not in self._purposes:
            return self._noise.draw(purpose, frame_ids, shape, step)
        return self._noise.draw(purpose, [0], shape, step).expand([len(frame_ids), *shape])
