"""Surfaces for rendered scenes: noise, planks, tiles and parts of sprites, drawn at random."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

SIDE = 128  # pixels of a texture
LEVELS = 5  # of its pyramid: each is half as fine as the one before


def colour(rng: np.random.Generator) -> np.ndarray:
    """RGB in 0..1, greyish more often than not, as surfaces are."""
    grey = rng.uniform(0.05, 0.95)
    return np.clip(grey + rng.normal(0, rng.choice([0.05, 0.15, 0.3]), 3), 0, 1)


def noise(rng: np.random.Generator, height: int, width: int, coarse: int, octaves: int = 4) -> np.ndarray:
    """Smooth noise float32 ``[height, width]`` in 0..1, whose coarsest grid has ``coarse`` cells a side."""
    total, sum_of_weights = np.zeros((height, width), np.float32), 0.0
    fade = rng.uniform(0.4, 0.8)
    for octave in range(octaves):
        cells = min(coarse * 2**octave, 128)
        grid = rng.random((cells, cells), np.float32)
        total += fade**octave * cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
        sum_of_weights += fade**octave
    total /= sum_of_weights
    low, high = total.min(), total.max()
    return (total - low) / max(high - low, 1e-6)


def _mixed(share: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return share[..., None] * one + (1 - share[..., None]) * other


def _cloudy(rng: np.random.Generator) -> np.ndarray:
    share = noise(rng, SIDE, SIDE, int(rng.choice([2, 4, 8, 24])))
    share = np.clip((share - 0.5) * rng.uniform(1, 4) + 0.5, 0, 1)
    return _mixed(share, colour(rng), colour(rng))


def _tiled(rng: np.random.Generator) -> np.ndarray:
    """Planks (one row or column), tiles, or bricks: fields of their own shades with joints between them."""
    rows, columns = rng.choice([1, 2, 4, 8, 12], 2)
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    row = np.floor(y * rows).astype(int)
    x = (x + 0.5 / columns * (row % 2) * (rng.random() < 0.5)) % 1
    column = np.floor(x * columns).astype(int)
    shades = rng.uniform(1 - rng.uniform(0, 0.5), 1, (rows, columns))
    joint = rng.uniform(0, 0.08)
    places = y * rows % 1, x * columns % 1
    inside = np.logical_and(*(np.minimum(place, 1 - place) > joint for place in places))
    fields = shades[row, column][..., None] * colour(rng)
    return np.where(inside[..., None], fields, colour(rng)) * (0.8 + 0.2 * noise(rng, SIDE, SIDE, 8)[..., None])


def _plain(rng: np.random.Generator) -> np.ndarray:
    return np.broadcast_to(colour(rng), (SIDE, SIDE, 3)) * (0.95 + 0.05 * noise(rng, SIDE, SIDE, 16)[..., None])


def texture(rng: np.random.Generator) -> list[np.ndarray]:
    """A pyramid of pictures float32 ``[side, side, 3]`` in 0..1, the finest first."""
    draw = rng.choice([_cloudy, _tiled, _plain], p=[0.55, 0.25, 0.2])
    levels = [np.clip(draw(rng), 0, 1).astype(np.float32)]
    while len(levels) < LEVELS:
        levels.append(cv2.pyrDown(levels[-1]))
    return levels


def looked_up(levels: list[np.ndarray], u: np.ndarray, v: np.ndarray, footprint: np.ndarray) -> np.ndarray:
    """Colours ``[N, 3]`` at the places ``[N]``, 1 being the texture's side, of the level that fits the footprint of a
    pixel there, in sides."""
    wanted = np.clip(np.round(np.log2(np.maximum(footprint * SIDE, 1))), 0, LEVELS - 1).astype(int)
    colours = np.empty((len(u), 3), np.float32)
    for level, picture in enumerate(levels):
        here = wanted == level
        side = len(picture)
        colours[here] = picture[(v[here] * side).astype(int) % side, (u[here] * side).astype(int) % side]
    return colours


class Cutouts:
    """Sprites of all kinds, each with its outline: every eighth is kept for the judge."""

    def __init__(self, folder: Path, for_judge: bool):
        files = sorted(folder.glob("*.webp"))
        self._files = [file for place, file in enumerate(files) if (place % 8 == 0) == for_judge]

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """A sprite float32 ``[128, 128, 4]`` in 0..1, not premultiplied, cut to its outline, mirrored at random."""
        picture = Image.open(self._files[rng.integers(len(self._files))]).convert("RGBA")
        picture = picture.crop(picture.getchannel("A").getbbox()).resize((128, 128), Image.Resampling.BILINEAR)
        sprite = np.asarray(picture, np.float32) / 255
        return sprite[:, :: int(rng.choice([-1, 1]))]
