"""Background smoothing (Text2Video-Zero, arXiv 2303.13439, section 3.3.3): pure functions.

The formula is that of the published code, which also leaves out what the first frame's subject covers. There the motion
mirrors that subject at the edges, so that a second one comes in; here background comes in instead.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import paddle
import paddle.nn.functional as F

from .motion import Movement

REACH = 5  # latent cells: side of the square by which masks grow, so that no rim of the subject is left in them


def subject_cells(masks: Iterable[np.ndarray], height: int, width: int) -> paddle.Tensor:
    """Masks of the subject on the latents' grid: float32 ``[frames, 1, height, width]`` of 0 and 1.

    Args:
        masks: per frame float32 ``[H, W]`` in 0..1; 1 is the subject.
    """
    stacked = paddle.to_tensor(np.stack([mask > 0.5 for mask in masks]).astype("float32"))[:, None]
    on_grid = F.interpolate(stacked, [height, width], mode="nearest")
    return F.max_pool2d(on_grid, REACH, stride=1, padding=REACH // 2)


def smooth(
    background: paddle.Tensor,
    followers: paddle.Tensor,
    subject: paddle.Tensor,
    frame_ids: list[int],
    movement: Movement,
    kept: float,
) -> paddle.Tensor:
    """The followers with the anchor's background blended into theirs.

    Args:
        background: the anchor without its subject, moved: ``[frames, channels, height, width]``, as the followers.
        followers: at the same noise level.
        subject: as ``subject_cells`` gives it, for the anchor and then the followers.
        frame_ids: the followers' positions in the video.
        movement: of the subject.
        kept: the share of their own background that the followers keep, 0..1.
    """
    moved_subject = movement.warp(subject[:1], frame_ids)
    free = (1 - subject[1:]) * (1 - moved_subject)
    blended = kept * followers + (1 - kept) * background
    smoothed = (1 - free) * followers + free * blended
    second = moved_subject * _coming_in(subject[:1], frame_ids, movement)
    return (1 - second) * smoothed + second * background


def without_subject(anchor: paddle.Tensor, subject: paddle.Tensor) -> paddle.Tensor:
    """The anchor, ``[1, channels, height, width]``, with cells of the background in place of its subject: of the same
    row, or the nearest that has any."""
    latents, covered = anchor.numpy().copy(), subject[0, 0].numpy() > 0.5
    rows = np.flatnonzero(~covered.all(1))
    for row in np.flatnonzero(covered.any(1)) if len(rows) else ():
        source = rows[np.abs(rows - row).argmin()]
        columns, free = np.flatnonzero(covered[row]), np.flatnonzero(~covered[source])
        latents[:, :, row, columns] = anchor.numpy()[:, :, source, np.resize(free, len(columns))]
    return paddle.to_tensor(latents)


def _coming_in(subject: paddle.Tensor, frame_ids: list[int], movement: Movement) -> paddle.Tensor:
    """Where something comes in over an edge that the anchor's subject does not touch: ``[frames, 1, height, width]``.

    What does touch an edge goes on beyond it, as its mirror image does.
    """
    shrunk = 1 - F.max_pool2d(1 - subject, REACH, stride=1, padding=REACH // 2)[0, 0].numpy()
    looked_at = movement.grid(*subject.shape[2:], frame_ids)
    left, up = np.moveaxis(looked_at < -1, -1, 0)
    right, down = np.moveaxis(looked_at > 1, -1, 0)
    edges = ((left, shrunk[:, 0]), (right, shrunk[:, -1]), (up, shrunk[0]), (down, shrunk[-1]))
    coming_in = np.any([beyond for beyond, edge in edges if not edge.any()] or [np.zeros_like(left)], axis=0)
    return paddle.to_tensor(coming_in[:, None].astype("float32"))
