"""Motion dynamics in the latents (Text2Video-Zero, arXiv 2303.13439, section 3.3.1): pure functions."""

from __future__ import annotations

import numpy as np
import paddle
import paddle.nn.functional as F

# The published code lays the motion field on a grid of this side whatever the size of the picture.
FIELD_SIZE = 512


def warp(latents: paddle.Tensor, frame_ids: list[int], strength_x: float, strength_y: float) -> paddle.Tensor:
    """Moves the first frame's latents along a straight path, one position per frame.

    A strength is the displacement per frame on a 512x512 grid that covers the picture, so 12 means 12/512 (2.3 %) of
    the width or height at every resolution. As in the published code the field says where each cell looks, so a
    positive strength moves the content to the left (x) and up (y). Nearest neighbour, reflected at the borders.

    Args:
        latents: ``[1, channels, height, width]``.
        frame_ids: position of each frame in the video; frame k is displaced by k times the strength.

    Returns:
        ``[len(frame_ids), channels, height, width]``, in float32.
    """
    height, width = latents.shape[2:]
    columns = [_look_up(width, strength_x * frame) for frame in frame_ids]
    rows = [_look_up(height, strength_y * frame) for frame in frame_ids]
    grid = np.stack([np.stack(np.meshgrid(x, y), axis=-1) for x, y in zip(columns, rows)])
    repeated = latents.astype("float32").expand([len(frame_ids), -1, -1, -1])
    return F.grid_sample(
        repeated, paddle.to_tensor(grid, "float32"), mode="nearest", padding_mode="reflection", align_corners=False
    )


def _look_up(cells: int, displacement: float) -> np.ndarray:
    """Where each of ``cells`` cells looks along one axis, in ``grid_sample``'s -1..1.

    This is what remains of the published 512x512 field after its bilinear shrinking to the latents' size.
    """
    on_field = np.clip((np.arange(cells) + 0.5) * FIELD_SIZE / cells - 0.5, 0, FIELD_SIZE - 1)
    return (on_field + displacement) / FIELD_SIZE * 2 - 1


def outside(
    cells: tuple[int, int], frame_ids: list[int], strength: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Columns and rows of each frame that ``warp`` fills from beyond an edge: bool ``[F, width]``, ``[F, height]``.

    ``cells`` are height and width; the rest is as for ``warp``.
    """
    height, width = cells
    columns = [abs(_look_up(width, strength[0] * frame)) > 1 for frame in frame_ids]
    rows = [abs(_look_up(height, strength[1] * frame)) > 1 for frame in frame_ids]
    return np.stack(columns), np.stack(rows)


def ddpm_forward(latents: paddle.Tensor, noise: paddle.Tensor, alphas: paddle.Tensor) -> paddle.Tensor:
    """Adds the noise of several DDPM steps at once (eq. 2 of the paper); ``alphas`` are those of the steps passed."""
    kept = alphas.prod()
    return kept.sqrt() * latents + (1 - kept).sqrt() * noise
