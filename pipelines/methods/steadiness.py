"""Frames that are held together along the motion of the clip that they were made from.

What flickers is averaged over the frames in which the same place of the same thing is seen: their pixels are followed
along the clip's optical flow, and left out where they cannot be followed there and back (Lei et al., arXiv 2010.11838,
and Lai et al., arXiv 1808.00449, have that idea). An average is blurred where the frames do not fit together; so each
frame is given back the sharpness that it had.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import cv2
import numpy as np

from .flow import ClipFlow, taken

REACH = 8  # frames to either side
_ALIKE = 40.0  # of 255: by so much frames may differ where they count as showing the same
_NEAR = (5, 5)  # pixels over which they are compared
_SOFT = 1.5  # pixels over which a frame fades out where it cannot be followed: else outlines become jagged
_DETAIL = 2.0  # pixels: what is finer is made stronger
_MOST = 3.0  # by which factor


def steadied(frames: Iterable[np.ndarray], clip: np.ndarray, strength: float) -> Iterator[np.ndarray]:
    """Holds frames together; few of them are in memory at a time.

    Args:
        frames: uint8 RGB ``[H, W, 3]`` each, one for each frame of the clip.
        clip: uint8 RGB ``[F, H, W, 3]``: its motion is that of the frames.
        strength: how much each of the frames around counts beside a frame itself, 0..1.
    """
    flows, window, last = ClipFlow(clip), {}, len(clip) - 1
    source = enumerate(frames)
    for number in range(len(clip)):
        ends = max(number - REACH, 0), min(number + REACH, last)
        while ends[1] not in window:
            place, frame = next(source)
            window[place] = frame.astype(np.float32)
        window.pop(ends[0] - 1, None)
        averaged = _average(number, ends, window, flows, strength)
        yield sharpened(averaged, window[number]).round().clip(0, 255).astype(np.uint8)


def _average(
    number: int, ends: tuple[int, int], window: dict[int, np.ndarray], flows: ClipFlow, strength: float
) -> np.ndarray:
    own = window[number]
    total, weight = own.copy(), np.ones(own.shape[:2], np.float32)
    for end in ends:
        for other, where, seen in flows.followed(number, end):
            moved = taken(window[other], where, cv2.INTER_CUBIC)
            share = strength * cv2.GaussianBlur(seen * _alike(moved, own), (0, 0), _SOFT)
            total += share[..., None] * moved
            weight += share
    return total / weight[..., None]


def _alike(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """How much two pictures show the same, place by place, float32 ``[H, W]`` in 0..1."""
    apart = cv2.blur(np.abs(one - other).mean(-1), _NEAR)
    return np.exp(-np.square(apart / _ALIKE))


def sharpened(picture: np.ndarray, like: np.ndarray) -> np.ndarray:
    """The picture with its details made stronger until it is as sharp as another one, both float32 ``[H, W, 3]``.

    Sharpness is the variance of the Laplacian (Pech-Pacheco et al., ICPR 2000), which is a quadratic in the strength.
    """
    detail = picture - cv2.GaussianBlur(picture, (0, 0), _DETAIL)
    edges, more = laplacian(picture), laplacian(detail)
    missing = laplacian(like).var() - edges.var()
    square, product = more.var(), np.cov(edges.ravel(), more.ravel(), bias=True)[0, 1]
    if missing <= 0 or square <= 0:
        return picture
    factor = (math.sqrt(max(product**2 + square * missing, 0.0)) - product) / square
    return picture + min(float(factor), _MOST) * detail


def laplacian(picture: np.ndarray) -> np.ndarray:
    """The Laplacian of a picture's brightness, uint8 or float32 RGB ``[H, W, 3]`` -> float32 ``[H, W]``."""
    return cv2.Laplacian(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.CV_32F)
