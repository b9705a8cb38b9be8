"""Whether a clip already is a control map: skeletons, edges, drawings, pictures of depth, normals.

Frames are uint8 RGB ``[H, W, 3]``. The thresholds leave room for what a video codec does to such pictures.
"""

from __future__ import annotations

import cv2
import numpy as np

_SIDE = 256  # pixels, of the longest side at which a depth map is looked at
_BLACK = 48  # of 255; codecs and resampling leave shades around lines
_GREY_SPREAD = 12  # between the channels of a pixel that is grey


def are_skeletons(frames: list[np.ndarray]) -> bool:
    """Whether they are drawings of skeletons; in some of them nobody may be."""
    drawings = [_is_skeleton(frame) for frame in frames]
    return any(drawings) and all(drawn or (frame <= _BLACK).all() for drawn, frame in zip(drawings, frames))


def are_edge_maps(frames: list[np.ndarray]) -> bool:
    """Whether they are thin bright lines on black, without colours."""
    return all(map(_is_edge_map, frames))


def are_depth_maps(frames: list[np.ndarray]) -> bool:
    """Whether they are smooth grey areas with few edges: even a calm black-and-white film has more texture."""
    return all(map(_is_depth_map, frames))


def are_drawings(frames: list[np.ndarray]) -> bool:
    """Whether they are bright strokes on black, thin or thick, sharp or soft, without colours."""
    return all(map(_is_drawing, frames))


def are_normals(frames: list[np.ndarray]) -> bool:
    """Whether their colours are directions of length 1 that look at the camera: x, y and z from -1 to 1."""
    return all(map(_is_normals, frames))


def are_pictures(frames: list[np.ndarray]) -> bool:
    """Whether they are pictures, as all frames are."""
    return True


def _is_skeleton(frame: np.ndarray) -> bool:
    """Thin lines and dots in full colours, of several hues, on black."""
    brightest, darkest = frame.max(-1).astype(int), frame.min(-1).astype(int)
    lines = brightest > _BLACK
    if not 0 < lines.mean() < 0.2:
        return False
    bright, spread = brightest[lines], (brightest - darkest)[lines]
    return (spread > 0.7 * bright).mean() > 0.8 and _hues(frame[lines]) >= 3


def _hues(pixels: np.ndarray) -> int:
    """Number of sixths of the colour circle in which at least 3 % of the pixels ``[N, 3]`` lie."""
    hues = cv2.cvtColor(pixels[None], cv2.COLOR_RGB2HSV)[0, :, 0]  # 0 to 179
    return (np.bincount(hues // 30, minlength=6) > 0.03 * len(hues)).sum()


def _is_edge_map(frame: np.ndarray) -> bool:
    if not _is_grey(frame):
        return False
    # A line, which a codec widens to three or four pixels, holds no block of 7 x 7, as areas do.
    return _are_strokes(frame[..., 0], 7)


def _is_drawing(frame: np.ndarray) -> bool:
    return _is_grey(frame) and _are_strokes(frame[..., 0], max(7, max(frame.shape) // 24))


def _are_strokes(grey: np.ndarray, widest: int) -> bool:
    """Whether there are bright strokes on black, of fewer pixels across; where they lie close (grass, hair) of more."""
    lines = grey > 96
    areas = cv2.erode(lines.astype(np.uint8), np.ones((widest, widest), np.uint8))
    return bool(lines.any() and (grey < _BLACK).mean() > 0.5 and areas.sum() < 0.02 * lines.sum())


def _is_normals(frame: np.ndarray) -> bool:
    directions = frame.astype(np.float32) / 127.5 - 1
    length = np.linalg.norm(directions, axis=-1)
    unit = (np.abs(length - 1) < 0.15) & (directions[..., 2] > -0.15)
    return unit.mean() > 0.9


def _is_depth_map(frame: np.ndarray) -> bool:
    if not _is_grey(frame) or _is_edge_map(frame):
        return False
    grey, scale = frame[..., 0], _SIDE / max(frame.shape[:2])
    if scale < 1:
        grey = cv2.resize(grey, (0, 0), fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    curvature = np.abs(cv2.Laplacian(grey.astype(np.float32), cv2.CV_32F))
    edges = 0.06 * max(1.0, scale)  # of a smaller picture they take a larger share
    return grey.std() > 8 and (curvature > 8).mean() < edges


def _is_grey(frame: np.ndarray) -> bool:
    spread = frame.max(-1).astype(int) - frame.min(-1)
    return (spread <= _GREY_SPREAD).mean() > 0.995
