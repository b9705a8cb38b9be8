"""What can be measured of frames without any weights. Frames are uint8 RGB ``[F, H, W, 3]``."""

from __future__ import annotations

import itertools
from collections.abc import Collection
from typing import NamedTuple

import cv2
import numpy as np

from ppt2v.pipelines.methods.flow import consistent, flow, moved_back
from ppt2v.pipelines.methods.steadiness import laplacian
from ppt2v.pipelines.planning.chunks import followers
from ppt2v.pipelines.planning.windows import windows

LOW_THRESHOLD, HIGH_THRESHOLD = 100, 200  # of Canny's edges
_TOLERANCE = 2  # pixels by which edges may lie apart
_BLACK = 8  # of 255: the mean of the brightest channel of a black frame
_FLAT = 1.0  # of 255: the standard deviation of a frame of one colour
_SAME = 0.25  # of 255: the mean difference of duplicate frames, which a codec leaves


class Change(NamedTuple):
    """How each frame differs from the one before, one number per pair of neighbours.

    flicker: mean absolute difference of the pixels, 0 to 1.
    warp_error: the same after the later frame has been moved back along the optical flow, where the flow can be
        followed both ways; NaN where it nowhere can.
    motion: mean length of the flow, in percent of the frame's diagonal.
    """

    flicker: np.ndarray
    warp_error: np.ndarray
    motion: np.ndarray


def changes(frames: np.ndarray) -> Change:
    """Flicker, warp error (Lai et al., arXiv 1808.00449, section 4) and motion ``[F-1]``, with OpenCV's DIS flow."""
    rows = [_change(before, after) for before, after in itertools.pairwise(frames)]
    return Change(*np.array(rows).reshape(-1, 3).T)


def _change(before: np.ndarray, after: np.ndarray) -> tuple[float, float, float]:
    """Flicker, warp error and motion of two neighbours."""
    forward, backward = flow(before, after), flow(after, before)
    before, after = before.astype(np.float32), after.astype(np.float32)
    followed = consistent(forward, moved_back(backward, forward))
    difference = np.abs(moved_back(after, forward) - before).mean(-1)
    warp_error = difference[followed].mean() / 255 if followed.any() else np.nan
    height, width = before.shape[:2]
    motion = 100 * np.linalg.norm(forward, axis=-1).mean() / np.hypot(height, width)
    return np.abs(after - before).mean() / 255, warp_error, motion


def chunk_borders(frames: int, chunk_size: int) -> list[int]:
    """Numbers of the frames with which chunks begin, but for the first; ``chunk_size`` counts the first frame, as in
    the modes."""
    return [chunk[0] for chunk in followers(frames, chunk_size)[1:]]


def window_borders(frames: int, window: int, overlap: int) -> list[int]:
    """Numbers of the frames with which windows that overlap begin, and of those behind their ends."""
    parts = windows(frames, window, overlap)
    return sorted({part.start for part in parts[1:]} | {part.stop for part in parts[:-1]})


def seam_ratio(change: Change, borders: Collection[int]) -> float | None:
    """Mean warp error at the step to each of these frames over that elsewhere: 1 where no seam shows; None without
    one."""
    seams = [border - 1 for border in borders]
    inner = np.delete(change.warp_error, seams)
    if not seams or not len(inner) or not np.nanmean(inner) > 0:
        return None
    return float(np.nanmean(change.warp_error[seams]) / np.nanmean(inner))


def black_frames(frames: np.ndarray) -> list[int]:
    """Numbers of the frames that show nothing but black."""
    return [index for index, frame in enumerate(frames) if frame.max(-1).mean() < _BLACK]


def flat_frames(frames: np.ndarray) -> list[int]:
    """Numbers of the frames of a single colour other than black, which is what NaN can become in a video."""
    black = set(black_frames(frames))
    return [index for index, frame in enumerate(frames) if index not in black and frame.std(axis=(0, 1)).max() < _FLAT]


def duplicate_frames(change: Change) -> list[int]:
    """Numbers of the frames that repeat the one before."""
    return (np.flatnonzero(change.flicker * 255 < _SAME) + 1).tolist()


def sharpness(frames: np.ndarray) -> float:
    """Mean variance of the Laplacian (Pech-Pacheco et al., ICPR 2000) of the brightness, which is 0 to 255."""
    return float(np.mean([laplacian(frame).var() for frame in frames]))


def edges(frame: np.ndarray) -> np.ndarray:
    """Canny's edges, bool ``[H, W]``."""
    return cv2.Canny(frame, LOW_THRESHOLD, HIGH_THRESHOLD) > 0


def edge_f1(found: np.ndarray, wanted: np.ndarray) -> float:
    """F1 score, 0 to 1, of edges bool ``[H, W]``: those within 2 pixels of the other map's count as right."""
    if not found.any() or not wanted.any():
        return float(found.any() == wanted.any())
    precision = (found & _widened(wanted)).sum() / found.sum()
    recall = (wanted & _widened(found)).sum() / wanted.sum()
    return float(2 * precision * recall / max(precision + recall, 1e-9))


def _widened(lines: np.ndarray) -> np.ndarray:
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _TOLERANCE + 1,) * 2)
    return cv2.dilate(lines.astype(np.uint8), disc) > 0


def similarity(one: np.ndarray, other: np.ndarray) -> float:
    """SSIM (Wang et al. 2004, over even windows of 7x7 pixels instead of Gaussian ones) of two frames, at most 1."""
    from skimage.metrics import structural_similarity

    window = min(7, *one.shape[:2]) - (min(7, *one.shape[:2]) + 1) % 2  # odd, and no larger than the frame
    return float(structural_similarity(one, other, channel_axis=-1, data_range=255, win_size=window))
