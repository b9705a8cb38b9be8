"""People to a skeleton drawing, pixel by pixel as the pose ControlNet was trained on it (arXiv 2302.05543)."""

from __future__ import annotations

import math

import cv2
import numpy as np

from .people import DRAWN_LIMBS

# RGB; 18 hues, by the number of the joint or limb.
COLOURS = (
    (255, 0, 0),
    (255, 85, 0),
    (255, 170, 0),
    (255, 255, 0),
    (170, 255, 0),
    (85, 255, 0),
    (0, 255, 0),
    (0, 255, 85),
    (0, 255, 170),
    (0, 255, 255),
    (0, 170, 255),
    (0, 85, 255),
    (0, 0, 255),
    (85, 0, 255),
    (170, 0, 255),
    (255, 0, 255),
    (255, 0, 170),
    (255, 0, 85),
)
_RADIUS = 4  # pixels, of a joint and of half a limb's width
_OPACITY = 0.6  # of a limb


def draw(people: np.ndarray, height: int, width: int) -> np.ndarray:
    """A drawing uint8 RGB ``[height, width, 3]`` on black of people ``[P, 18, 2]`` (x, y in pixels; NaN: not found)."""
    canvas = np.zeros((height, width, 3), np.uint8)
    for joint, colour in enumerate(COLOURS):
        for place in people[:, joint]:
            if not np.isnan(place).any():
                cv2.circle(canvas, (int(place[0]), int(place[1])), _RADIUS, colour, thickness=-1)
    for limb, colour in zip(DRAWN_LIMBS, COLOURS):
        for ends in people[:, list(limb)]:
            if not np.isnan(ends).any():
                over = cv2.fillConvexPoly(canvas.copy(), _ellipse(*ends), colour)
                canvas = cv2.addWeighted(canvas, 1 - _OPACITY, over, _OPACITY, 0)
    return canvas


def _ellipse(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The polygon of a limb."""
    x, y = (one + other) / 2
    dx, dy = one - other
    axes = int(math.hypot(dx, dy) / 2), _RADIUS
    return cv2.ellipse2Poly((int(x), int(y)), axes, int(math.degrees(math.atan2(dy, dx))), 0, 360, 1)
