"""The first frame as a moving camera sees it, in exact parts of the picture: pure functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import paddle

from .motion import Level, sampled
from .moving_noise import FINENESS, finer, gathered


class Viewed(NamedTuple):
    """A movement (``motion.Movement``) by any affine map of the picture.

    What is known of the picture is interpolated (bilinear), and its noise is moved as ``moving_noise`` does it, so that
    it stays what the networks were trained on.

    ``matrix``: gives a frame's map, float ``[3, 3]``, for a width over a height (``planning.camera.Camera.matrix``).
    ``draw``: draws standard normal noise ``[1, *shape]``, the same at each call.
    """

    matrix: Callable[[int, float], np.ndarray]
    draw: Callable[[list[int]], paddle.Tensor]

    def grid(self, height: int, width: int, frame_ids: list[int]) -> np.ndarray:
        """As for ``Movement``."""
        return self._grid(height, width, frame_ids, width / height)

    def warp(self, picture: paddle.Tensor, frame_ids: list[int]) -> paddle.Tensor:
        """As for ``Movement``."""
        return sampled(picture, self.grid(*picture.shape[2:], frame_ids), "bilinear")

    def moved(
        self, latents: paddle.Tensor, clean: paddle.Tensor | None, level: Level, frame_ids: list[int]
    ) -> paddle.Tensor:
        """As for ``Movement``; where nothing is known of the picture all of it is taken for noise."""
        if clean is None:
            return self._moved_noise(latents, frame_ids)
        noise = (latents - level.signal * clean) / level.noise
        return level.signal * self.warp(clean, frame_ids) + level.noise * self._moved_noise(noise, frame_ids)

    def _moved_noise(self, noise: paddle.Tensor, frame_ids: list[int]) -> paddle.Tensor:
        channels, height, width = noise.shape[1:]
        high, wide = height * FINENESS, width * FINENESS
        fine = finer(noise[0].numpy(), self.draw([channels, high, wide])[0].numpy())
        grids = (self._grid(high, wide, [frame], width / height)[0] for frame in frame_ids)
        return paddle.to_tensor(np.stack([gathered(fine, grid) for grid in grids]).astype("float32"))

    def _grid(self, height: int, width: int, frame_ids: list[int], aspect: float) -> np.ndarray:
        rows, columns = ((np.arange(size) + 0.5) / size * 2 - 1 for size in (height, width))
        x, y = np.meshgrid(columns, rows)
        places = np.stack([x, y, np.ones_like(x)], axis=-1)
        return np.stack([(places @ self.matrix(frame, aspect).T)[..., :2] for frame in frame_ids])
