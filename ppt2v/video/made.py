"""Frames that are there already, as a clip to start from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ppt2v.language import Message

from .scaling import resample
from .timeline import Timeline


@dataclass(frozen=True)
class Made:
    """Frames, uint8 RGB ``[F, H, W, 3]``, and when they are shown; they belong to no file."""

    pictures: np.ndarray
    timeline: Timeline
    path: Path = Path()
    notes: tuple[Message, ...] = ()

    @property
    def height(self) -> int:
        return self.pictures.shape[1]

    @property
    def width(self) -> int:
        return self.pictures.shape[2]

    def frames(self, indices: np.ndarray, height: int, width: int) -> Iterator[np.ndarray]:
        """The frames of these numbers, int ``[N]``, as uint8 RGB ``[height, width, 3]``."""
        return (resample(self.pictures[index], height, width) for index in indices)
