"""Gaussian noise that depends on the seed, its purpose and the frame, and on nothing else."""

from __future__ import annotations

import numpy as np
import paddle

PURPOSES = ("start", "forward", "step", "base start", "base step")
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
