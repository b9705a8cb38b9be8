"""Whole clips through decord."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

_BATCH = 16  # frames decoded at once


def read(path: Path, count: int) -> Iterator[np.ndarray]:
    """The frames as uint8 RGB ``[H, W, 3]``, all ``count`` of them; fewer, from the first on, where decord fails."""
    import decord

    decord.logging.set_level(decord.logging.QUIET)
    try:
        reader = decord.VideoReader(str(path))
        for start in range(0, count if len(reader) == count else 0, _BATCH):
            yield from reader.get_batch(range(start, min(start + _BATCH, count))).asnumpy()
    except (decord.DECORDError, RuntimeError):
        return
