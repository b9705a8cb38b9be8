"""Depth maps that do not flicker, of the inverse depth that a network finds in each frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

_MEMORY = 0.9  # of the range of earlier frames; about ten frames


def steady(depths: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Depth maps uint8 RGB ``[H, W, 3]``, near is bright, of inverse depths ``[H, W]``, one for one.

    The published code stretches each frame by its own minimum and maximum. One bright spot then changes the grey of
    the whole frame, and the clip flickers. Here the range follows the frames slowly (an exponential moving average of
    the minima and of the maxima) and what is outside is cut off. The first frame is as published; no frame depends on
    a later one, so a clip can be streamed.
    """
    bounds = None
    for depth in depths:
        own = np.array([depth.min(), depth.max()], np.float64)
        bounds = own if bounds is None else _MEMORY * bounds + (1 - _MEMORY) * own
        low, high = bounds
        grey = np.clip((depth - low) / max(high - low, np.finfo(np.float32).tiny), 0, 1)
        yield np.repeat(np.rint(grey * 255).astype(np.uint8)[..., None], 3, -1)
