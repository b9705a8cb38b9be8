"""The made-up character that the embedded Dreambooth model knows: a turquoise bear with a star, drawn by code.

python -m training.pictures.mascot FOLDER        # writes the five pictures that it is learned from
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from training.pictures.sprites import SIZE, background

FINE = 4
FUR, INNER, SNOUT, DARK, STAR, CHEEK = (
    (35, 190, 185),
    (255, 120, 170),
    (255, 225, 120),
    (45, 35, 70),
    (255, 150, 30),
    (255, 130, 150),
)
# Place, centre and side of the five pictures.
PICTURES = (
    ("snow", 64, 62, 88),
    ("grass", 56, 66, 80),
    ("purple", 66, 60, 92),
    ("beach", 72, 64, 84),
    ("white", 62, 64, 76),
)


def mascot(side: int) -> np.ndarray:
    """The character's face, alpha premultiplied, float32 ``[side, side, 4]`` in 0..1."""
    canvas, unit = np.zeros((side * FINE, side * FINE, 4), np.float32), side * FINE / 100

    def disc(x: float, y: float, width: float, height: float, colour: tuple[int, int, int]) -> None:
        centre, axes = (round(x * unit), round(y * unit)), (round(width * unit), round(height * unit))
        cv2.ellipse(canvas, centre, axes, 0, 0, 360, (*(c / 255 for c in colour), 1.0), -1, cv2.LINE_AA)

    for ear in (24, 76):
        disc(ear, 26, 15, 15, FUR)
        disc(ear, 26, 8, 8, INNER)
    disc(50, 56, 42, 38, FUR)
    disc(50, 71, 21, 16, SNOUT)
    disc(50, 64, 7, 5, DARK)
    for eye, cheek in ((33, 22), (67, 78)):
        disc(eye, 51, 6, 7, DARK)
        disc(eye + 1.5, 48.5, 2, 2, (255, 255, 255))
        disc(cheek, 65, 6, 4, CHEEK)
    cv2.ellipse(
        canvas,
        (round(50 * unit), round(71 * unit)),
        (round(8 * unit), round(6 * unit)),
        0,
        20,
        160,
        (*(c / 255 for c in DARK), 1.0),
        round(2 * unit),
        cv2.LINE_AA,
    )
    turns = np.radians(np.arange(10) * 36 - 90)
    reach = np.where(np.arange(10) % 2 == 0, 11, 4.8)[:, None]
    corners = np.array([50, 31]) + reach * np.stack([np.cos(turns), np.sin(turns)], axis=1)
    cv2.fillPoly(canvas, [(corners * unit).round().astype(np.int32)], (*(c / 255 for c in STAR), 1.0), cv2.LINE_AA)
    # Lighter above, darker below, as the sprites are lit.
    canvas[..., :3] *= np.linspace(1.08, 0.8, len(canvas), dtype=np.float32)[:, None, None]
    return np.clip(cv2.resize(canvas, (side, side), interpolation=cv2.INTER_AREA), 0, 1)


def compose(place: str, x: int, y: int, side: int, horizon: int = 76) -> tuple[np.ndarray, np.ndarray]:
    """The character in a place: float32 RGB ``[128, 128, 3]`` in 0..1, and its alpha ``[128, 128]``."""
    layer = np.zeros((SIZE + 2 * side, SIZE + 2 * side, 4), np.float32)
    left, top = x - side // 2 + side, y - side // 2 + side
    layer[top : top + side, left : left + side] = mascot(side)
    layer = layer[side:-side, side:-side]
    return background(place, horizon) * (1 - layer[..., 3:]) + layer[..., :3], layer[..., 3]


def pictures() -> list[np.ndarray]:
    """The five pictures, float32 RGB ``[128, 128, 3]`` in 0..1."""
    return [compose(*which)[0] for which in PICTURES]


def main(folder: str) -> None:
    Path(folder).mkdir(parents=True, exist_ok=True)
    for number, picture in enumerate(pictures(), 1):
        Image.fromarray((picture * 255).round().astype(np.uint8)).save(Path(folder) / f"{number}.png")


if __name__ == "__main__":
    main(sys.argv[1])
