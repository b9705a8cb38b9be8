"""Motion dynamics in the latents (Text2Video-Zero, arXiv 2303.13439, section 3.3.1): pure functions."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
import paddle
import paddle.nn.functional as F

# The published code lays the motion field on a grid of this side whatever the size of the picture.
FIELD_SIZE = 512


class Level(NamedTuple):
    """Of noisy latents: how much of them is ``signal`` and how much ``noise`` (``Solver.level``)."""

    signal: float
    noise: float


class Movement(Protocol):
    """How frames move out of the first one."""

    def grid(self, height: int, width: int, frame_ids: list[int]) -> np.ndarray:
        """Where each cell looks in the first frame, x and y in -1..1: float ``[frames, height, width, 2]``."""

    def warp(self, picture: paddle.Tensor, frame_ids: list[int]) -> paddle.Tensor:
        """A picture without noise, ``[1, channels, height, width]``, moved: float32 ``[frames, ...]``."""

    def moved(
        self, latents: paddle.Tensor, clean: paddle.Tensor | None, level: Level, frame_ids: list[int]
    ) -> paddle.Tensor:
        """Noisy latents of that shape, moved; ``clean`` is what they are taken for without their noise, if known."""


class Field(NamedTuple):
    """The published motion field: a straight path, one position per frame.

    A strength is the displacement per frame on a 512x512 grid that covers the picture, so 12 means 12/512 (2.3 %) of
    the width or height at every resolution. As in the published code the field says where each cell looks, so a
    positive strength moves the content to the left (x) and up (y). Nearest neighbour, reflected at the borders; noise
    is moved as all else.
    """

    x: float = 0.0
    y: float = 0.0

    def grid(self, height: int, width: int, frame_ids: list[int]) -> np.ndarray:
        """As for ``Movement``."""
        columns = [_look_up(width, self.x * frame) for frame in frame_ids]
        rows = [_look_up(height, self.y * frame) for frame in frame_ids]
        return np.stack([np.stack(np.meshgrid(x, y), axis=-1) for x, y in zip(columns, rows)])

    def warp(self, picture: paddle.Tensor, frame_ids: list[int]) -> paddle.Tensor:
        """As for ``Movement``."""
        return sampled(picture, self.grid(*picture.shape[2:], frame_ids), "nearest")

    def moved(
        self, latents: paddle.Tensor, clean: paddle.Tensor | None, level: Level, frame_ids: list[int]
    ) -> paddle.Tensor:
        """As for ``Movement``."""
        return self.warp(latents, frame_ids)


def sampled(picture: paddle.Tensor, grid: np.ndarray, mode: str) -> paddle.Tensor:
    """A picture ``[1, channels, height, width]`` at the places of a ``Movement.grid``; mirrored at its edges."""
    repeated = picture.astype("float32").expand([len(grid), -1, -1, -1])
    places = paddle.to_tensor(grid, "float32")
    return F.grid_sample(repeated, places, mode=mode, padding_mode="reflection", align_corners=False)


def _look_up(cells: int, displacement: float) -> np.ndarray:
    """Where each of ``cells`` cells looks along one axis, in ``grid_sample``'s -1..1.

    This is what remains of the published 512x512 field after its bilinear shrinking to the latents' size.
    """
    on_field = np.clip((np.arange(cells) + 0.5) * FIELD_SIZE / cells - 0.5, 0, FIELD_SIZE - 1)
    return (on_field + displacement) / FIELD_SIZE * 2 - 1


def ddpm_forward(latents: paddle.Tensor, noise: paddle.Tensor, alphas: paddle.Tensor) -> paddle.Tensor:
    """Adds the noise of several DDPM steps at once (eq. 2 of the paper); ``alphas`` are those of the steps passed."""
    kept = alphas.prod()
    return kept.sqrt() * latents + (1 - kept).sqrt() * noise
