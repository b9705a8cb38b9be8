"""Frames between frames, by optical flow; the frames that are given stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import cv2
import numpy as np

from .flow import consistent, flow, moved_back, places, taken

_SEEN_LEAST = 0.4  # the share of a frame that is found in the next one, below which they are of two scenes


def interpolated(
    frames: Iterable[np.ndarray], times: int, between: Callable[[np.ndarray, np.ndarray], Between] | None = None
) -> Iterator[np.ndarray]:
    """Each frame, and behind each but the last one ``times - 1`` frames in equal steps on the way to the next.

    Between two scenes the nearer frame is repeated.

    Args:
        frames: uint8 RGB ``[H, W, 3]`` each.
        times: >= 1.
        between: finds the way from a frame to the next one; by the optical flow alone if not given.
    """
    find, before = between or Between, None
    for frame in frames:
        if before is not None and times > 1:
            way = find(before, frame)
            yield from (way.at(step / times) for step in range(1, times))
        yield frame
        before = frame


class Between:
    """The way from one frame to the next: the flow forth and back, and where it can be followed."""

    def __init__(self, before: np.ndarray, after: np.ndarray):
        self._pair = before, after
        self._forward, self._backward = flow(before, after), flow(after, before)
        ways = (self._forward, self._backward), (self._backward, self._forward)
        self._seen = [consistent(there, moved_back(back, there)).astype(np.float32) for there, back in ways]
        self._one_scene = min(seen.mean() for seen in self._seen) >= _SEEN_LEAST

    def at(self, moment: float) -> np.ndarray:
        """The frame at a moment, 0 (the one before) to 1 (the one after), uint8 RGB ``[H, W, 3]``."""
        before, after = self._pair
        if not self._one_scene:
            return before if moment < 0.5 else after
        return self._mixed(moment)

    def _mixed(self, moment: float) -> np.ndarray:
        """The frame at a moment within a scene.

        Both frames are moved there along the flow from there, which is approximated, and mixed by their distance in
        time and by where each pixel is seen (Super SloMo, arXiv 1712.00080, eq. 4 and 5).
        """
        before, after = self._pair
        forward, backward, here = self._forward, self._backward, places(before.shape)
        to_before = here - (1 - moment) * moment * forward + moment**2 * backward
        to_after = here + (1 - moment) ** 2 * forward - moment * (1 - moment) * backward
        total, weight = np.zeros(before.shape, np.float32), np.zeros(before.shape[:2], np.float32)
        for picture, where, seen, near in (
            (before, to_before, self._seen[0], 1 - moment),
            (after, to_after, self._seen[1], moment),
        ):
            share = near * (taken(seen, where) + 1e-3)  # where neither is seen both count
            total += share[..., None] * taken(picture.astype(np.float32), where, cv2.INTER_CUBIC)
            weight += share
        return (total / weight[..., None]).round().clip(0, 255).astype(np.uint8)
