"""Frames that are held together along the motion of the clip that they were made from.

What flickers is averaged over the frames in which the same place of the same thing is seen: their pixels are followed
along the clip's optical flow, and left out where they cannot be followed there and back (Lei et al., arXiv 2010.11838,
and Lai et al., arXiv 1808.00449, have that idea). An average is blurred where the frames do not fit together; so each
frame is given back the sharpness that it had.

A drawing of skeletons tells little of the body around its lines, and its flow can seldom be followed there and back.
With such a clip frames count where they look alike, and what came of it is held together once more, along its own flow.
With a film that would be worse: textures that the flow of the clip keeps apart would be blurred.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import cv2
import numpy as np

from .flow import ClipFlow, taken

REACH = 8  # frames to either side
_ALIKE = 40.0  # of 255: by so much frames may differ where they count as showing the same
_NEAR = (5, 5)  # pixels over which they are compared
_SOFT = 1.5  # pixels over which a frame fades out where it cannot be followed: else outlines become jagged
_DETAIL = 2.0  # pixels: what is finer is made stronger
_MOST = 3.0  # by which factor


class Held(NamedTuple):
    """How frames are held together.

    Args:
        count: of the frames.
        strength: as for ``steadied``.
        sure: whether only what can be followed there and back counts.
    """

    count: int
    strength: float
    sure: bool


def steadied(
    frames: Iterable[np.ndarray], clip: np.ndarray, strength: float, skeletons: bool = False
) -> Iterator[np.ndarray]:
    """Holds frames together; few of them are in memory at a time.

    Args:
        frames: uint8 RGB ``[H, W, 3]`` each, one for each frame of the clip.
        clip: uint8 RGB ``[F, H, W, 3]``: its motion is that of the frames.
        strength: how much each of the frames around counts beside a frame itself, 0..1.
        skeletons: whether these are what the clip shows, on black.
    """
    how = Held(len(clip), strength, not skeletons)
    once = _held(frames, clip, how)
    return _held(once, None, how) if skeletons else once


def _held(frames: Iterable[np.ndarray], clip: np.ndarray | None, how: Held) -> Iterator[np.ndarray]:
    """The frames held together once, along the flow of the clip; None: along their own."""
    window: dict[int, np.ndarray] = {}
    flows, last = ClipFlow(window if clip is None else clip), how.count - 1
    source = enumerate(frames)
    for number in range(how.count):
        ends = max(number - REACH, 0), min(number + REACH, last)
        while ends[1] not in window:
            place, frame = next(source)
            window[place] = frame
        window.pop(ends[0] - 1, None)
        averaged = _average(number, ends, window, flows, how)
        own = window[number].astype(np.float32)
        yield sharpened(averaged, own).round().clip(0, 255).astype(np.uint8)


def _average(
    number: int, ends: tuple[int, int], window: dict[int, np.ndarray], flows: ClipFlow, how: Held
) -> np.ndarray:
    own = window[number].astype(np.float32)
    total, weight = own.copy(), np.ones(own.shape[:2], np.float32)
    for end in ends:
        for other, where, seen in flows.followed(number, end):
            moved = taken(window[other].astype(np.float32), where, cv2.INTER_CUBIC)
            alike = _alike(moved, own)
            share = how.strength * cv2.GaussianBlur(seen * alike if how.sure else alike, (0, 0), _SOFT)
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
