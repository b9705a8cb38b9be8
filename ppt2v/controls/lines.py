"""Drawings of frames by plain computation, as the ControlNet extension of Stable Diffusion web UI makes them.

Frames and drawings are uint8 RGB ``[H, W, 3]``; drawings are bright on black.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ppt2v.language import words

from .maps import Maker

if TYPE_CHECKING:
    import numpy as np


def lineart(values: Mapping[str, Any]) -> Maker:
    """What is darker than around it, as its "lineart_standard"."""
    import numpy as np

    def drawn(frame: np.ndarray) -> np.ndarray:
        darker = (_blurred(frame, 6.0) - frame).min(-1).clip(0, 255)
        lines = darker[darker > 8]
        usual = max(16.0, float(np.median(lines))) if lines.size else 16.0
        return _three(darker / usual * 127)

    return Maker(drawn, iter, words("from what is darker than around it"))


def scribble(values: Mapping[str, Any]) -> Maker:
    """Strokes by differences of Gaussians, as its "scribble_xdog" (XDoG, Winnemoeller 2011)."""

    def drawn(frame: np.ndarray) -> np.ndarray:
        difference = (_blurred(frame, 5.0) - _blurred(frame, 0.5)).min(-1)
        return _three((difference > 16) * 255)

    return Maker(drawn, iter, words("by differences of Gaussians"))


def _blurred(frame: np.ndarray, sigma: float) -> np.ndarray:
    """float32; ``sigma`` in pixels of a frame whose shorter side is 512."""
    import cv2
    import numpy as np

    return cv2.GaussianBlur(frame.astype(np.float32), (0, 0), sigma * min(frame.shape[:2]) / 512)


def _three(grey: np.ndarray) -> np.ndarray:
    import numpy as np

    return np.repeat(grey.clip(0, 255).astype(np.uint8)[..., None], 3, -1)
