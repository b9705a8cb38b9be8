"""The size that frames are read at."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ppt2v.errors import InputError


def check_side(path: Path, height: int, width: int, most: int | None) -> None:
    """Raises InputError for a clip with more than ``most`` pixels along a side; None: there is no limit."""
    side = max(height, width)
    if most is not None and side > most:
        raise InputError(
            "E-CLIP-SIDE",
            "{path}: the clip's longest side: {side} is too much, the most here is {most} pixels",
            path=path,
            side=side,
            most=most,
        )


def target_size(height: int, width: int, resolution: int | None, multiple: int) -> tuple[int, int]:
    """Height and width, both rounded to ``multiple``, at least one of them, of a picture whose longest side is to have
    ``resolution`` pixels (None: as it is), as Text2Video-Zero's prepare_video does."""
    scale = 1.0 if resolution is None else resolution / max(height, width)
    rows, columns = (max(1, int(np.round(side * scale / multiple))) * multiple for side in (height, width))
    return rows, columns


def resample(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """The picture, uint8 or uint16 ``[H, W, 3]``, in another size."""
    import cv2

    if picture.shape[:2] == (height, width):
        return picture
    shrinks = height * width < picture.shape[0] * picture.shape[1]
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LANCZOS4)
