"""Examples for the guided modes, made of the same sprites and places: pictures with their control maps."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from training.pictures.sprites import PLACES, SIZE, Composition, Sprites, caption, sample

REACH = 16  # pixels by which a picture may be moved


@dataclass(frozen=True)
class Example:
    """A painting: float32 ``[128, 128, 3]`` in 0..1, its words, and what is given: uint8 ``[128, 128, 3]``."""

    picture: np.ndarray
    caption: str
    given: np.ndarray


def levels(picture: np.ndarray) -> np.ndarray:
    """0..1 -> uint8."""
    return (picture * 255).round().astype(np.uint8)


def three(channel: np.ndarray) -> np.ndarray:
    """One channel -> three equal ones."""
    return np.repeat(channel[..., None], 3, axis=-1)


def moved(picture: np.ndarray, right: int, down: int) -> np.ndarray:
    """The whole picture moved; what comes in at its borders is reflected."""
    sides = ((REACH, REACH), (REACH, REACH), *([(0, 0)] * (picture.ndim - 2)))
    padded = np.pad(picture, sides, mode="reflect")
    return padded[REACH - down : REACH - down + SIZE, REACH - right : REACH - right + SIZE]


def varied(rng: np.random.Generator, *pictures: np.ndarray) -> list[np.ndarray]:
    """All pictures moved alike (every second time) and mirrored alike (every fourth)."""
    right, down = rng.integers(-REACH, REACH + 1, 2) * int(rng.random() < 0.5)
    flip = -1 if rng.random() < 0.25 else 1
    return [np.ascontiguousarray(moved(picture, right, down)[:, ::flip]) for picture in pictures]


def canny_map(picture: np.ndarray, low: float = 100, high: float = 200) -> np.ndarray:
    """uint8 picture -> its edges as the mode draws them, uint8 ``[128, 128, 3]``."""
    return three(cv2.Canny(picture, low, high))


def canny(sprites: Sprites, rng: np.random.Generator) -> Example:
    """A composition with its edges; the thresholds vary, since real clips differ in contrast."""
    made = sample(rng)
    [picture] = varied(rng, sprites.compose(made)[0])
    bounds = (100, 200) if rng.random() < 0.5 else (rng.uniform(50, 150), rng.uniform(160, 250))
    return Example(picture, caption(rng, made.subject, made.place), canny_map(levels(picture), *bounds))


def depth_map(made: Composition, alpha: np.ndarray) -> np.ndarray:
    """The nearness of a composition, float32 ``[128, 128]`` in 0..1: sky 0, the ground a ramp, the subject rounded."""
    rows = np.arange(SIZE, dtype=np.float32)
    grounded = PLACES[made.place].ground is not None
    ramp = np.clip((rows - made.horizon) / (SIZE - made.horizon), 0, 1) * 0.8 + 0.1 if grounded else np.zeros(SIZE)
    ramp = np.where(rows < made.horizon, 0, ramp)
    foot = min(made.y + made.size // 2, SIZE - 1)
    near = min(ramp[foot] + 0.1, 0.85) if grounded else 0.75
    inside = cv2.distanceTransform((alpha > 0.5).astype(np.uint8), cv2.DIST_L2, 3)
    subject = near + 0.15 * np.sqrt(np.clip(inside / 14, 0, 1))
    return (ramp[:, None] * (1 - alpha) + subject * alpha).astype(np.float32)


def depth(sprites: Sprites, rng: np.random.Generator) -> Example:
    """A composition with its depth, softened and bent a little, since estimates differ."""
    made = sample(rng)
    picture, alpha = sprites.compose(made)
    near = depth_map(made, alpha)
    near = cv2.GaussianBlur(near, (0, 0), rng.uniform(0.3, 1.6)) ** rng.uniform(0.75, 1.35)
    picture, near = varied(rng, picture, near)
    return Example(picture, caption(rng, made.subject, made.place), three(levels(near)))
