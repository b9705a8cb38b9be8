"""Background smoothing (Text2Video-Zero, arXiv 2303.13439, section 3.3.3): pure functions.

The formula is that of the published code, which also leaves out what the first frame's subject covers.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import paddle
import paddle.nn.functional as F

from .motion import warp

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
    anchor: paddle.Tensor,
    followers: paddle.Tensor,
    subject: paddle.Tensor,
    frame_ids: list[int],
    strength: tuple[float, float],
    kept: float,
) -> paddle.Tensor:
    """The followers with the anchor's background, moved along the motion field, blended into theirs.

    Args:
        anchor: ``[1, channels, height, width]``, at the noise level T1, as the followers.
        followers: ``[frames, channels, height, width]``.
        subject: as ``subject_cells`` gives it, for the anchor and then the followers.
        frame_ids: the followers' positions in the video.
        strength: of the motion field, x and y.
        kept: the share of their own background that the followers keep, 0..1.
    """
    moved_background = warp(anchor * (1 - subject[:1]), frame_ids, *strength)
    moved_subject = warp(subject[:1], frame_ids, *strength)
    background = (1 - subject[1:]) * (1 - moved_subject)
    blended = kept * followers + (1 - kept) * moved_background
    return (1 - background) * followers + background * blended
