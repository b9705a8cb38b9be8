"""Optical flow: where the things in one frame are in another, and where that can be told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np

_LEAST = 16  # pixels of a side that OpenCV's method can look at


def flow(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """How far each pixel moves from one frame, uint8 RGB ``[H, W, 3]``, to another: float32 ``[H, W, 2]``, x and y.

    By dense inverse search (Kroeger et al., arXiv 1603.03590) as OpenCV has it; the same for the same frames. Smaller
    frames than it can look at are continued at the right and below by their last pixels.
    """
    height, width = before.shape[:2]
    more = max(0, _LEAST - height), max(0, _LEAST - width)
    pair = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (before, after)]
    if any(more):
        pair = [cv2.copyMakeBorder(each, 0, more[0], 0, more[1], cv2.BORDER_REPLICATE) for each in pair]
    found = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(*pair, None)
    return np.ascontiguousarray(found[:height, :width])


def places(shape: tuple[int, ...]) -> np.ndarray:
    """Each pixel's own place, float32 ``[H, W, 2]``, x and y."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    return np.stack([x, y], -1)


def taken(picture: np.ndarray, where: np.ndarray, interpolation: int = cv2.INTER_LINEAR) -> np.ndarray:
    """What a picture ``[H, W, ...]`` has at these places ``[H, W, 2]``; beyond its edge as at the edge."""
    return cv2.remap(picture, where[..., 0], where[..., 1], interpolation, borderMode=cv2.BORDER_REPLICATE)


def moved_back(picture: np.ndarray, forward: np.ndarray) -> np.ndarray:
    """Each pixel of an earlier picture as it is at the end of its flow in a later one."""
    return taken(picture, places(forward.shape) + forward)


def consistent(forward: np.ndarray, backward: np.ndarray) -> np.ndarray:
    """Where the flow forth and back ends where it started, within the frame (Sundaram et al., ECCV 2010).

    Args:
        forward: ``[H, W, 2]``.
        backward: that of the other way, at the ends of ``forward``.
    """
    apart = ((forward + backward) ** 2).sum(-1)
    within = apart < 0.01 * ((forward**2).sum(-1) + (backward**2).sum(-1)) + 0.5
    ends = places(forward.shape) + forward
    last = forward.shape[1] - 1, forward.shape[0] - 1
    return within & ((ends >= 0) & (ends <= last)).all(-1)


class Leg(NamedTuple):
    """The flow from one frame to a neighbour, and where it can be followed, float32 ``[H, W]`` of 0 and 1."""

    flow: np.ndarray
    seen: np.ndarray


class ClipFlow:
    """The flow of a clip, found when it is needed; that of few frames is kept.

    Args:
        clip: uint8 RGB ``[F, H, W, 3]``, or such frames by their numbers, of which those that are asked for are there.
        kept: of how many pairs of frames.
    """

    def __init__(self, clip: np.ndarray | Mapping[int, np.ndarray], kept: int = 64):
        self._clip = clip
        self.legs = lru_cache(kept)(self._legs)

    def _legs(self, frame: int) -> tuple[Leg, Leg]:
        """From a frame to the next one, and from that one back."""
        forward, backward = (flow(*pair) for pair in self._pairs(frame))
        return _leg(forward, backward), _leg(backward, forward)

    def _pairs(self, frame: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        before, after = self._clip[frame], self._clip[frame + 1]
        yield before, after
        yield after, before

    def followed(self, start: int, end: int) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Follows the pixels of one frame through those after it, or before it, to another.

        Yields:
            Each frame's number, where the pixels are in it ``[H, W, 2]``, and how surely, float32 ``[H, W]`` in 0..1.
        """
        where = places(self._clip[start].shape[:2])
        seen = np.ones(where.shape[:2], np.float32)
        step = 1 if end > start else -1
        for frame in range(start, end, step):
            leg = self.legs(frame)[0] if step == 1 else self.legs(frame - 1)[1]
            seen = seen * taken(leg.seen, where)
            where = where + taken(leg.flow, where)
            yield frame + step, where, seen


def _leg(there: np.ndarray, back: np.ndarray) -> Leg:
    return Leg(there, consistent(there, moved_back(back, there)).astype(np.float32))
