"""The clips that the embedded text-to-video models are trained on: one sprite that moves through one place."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from training.pictures.sprites import PLACES, SPRITE_SIZES, SUBJECTS, Composition, Sprites
from training.pictures.sprites import caption as describe
from training.pictures.sprites import held_out as kept_from_pictures

FRAMES = 16
# The words used in captions for each kind of motion.
MOTIONS = {
    "left": ("moving left", "going left"),
    "right": ("moving right", "going right"),
    "up": ("rising", "moving up"),
    "down": ("falling", "moving down"),
    "bounce": ("bouncing", "jumping up and down"),
}


@dataclass(frozen=True)
class Motion:
    """One clip: its composition without motion, the kind of motion, its reach in pixels, and the number of bounces."""

    middle: Composition
    kind: str
    reach: int
    bounces: int = 2

    def at(self, moment: float) -> Composition:
        """The composition at a moment, 0..1."""
        way = round(self.reach * (moment - 0.5))
        height = round(self.reach * (abs(math.sin(math.pi * self.bounces * moment)) - 0.5))
        ways = {"left": (-way, 0), "right": (way, 0), "up": (0, -way), "down": (0, way), "bounce": (0, -height)}
        right, down = ways[self.kind]
        return replace(self.middle, x=self.middle.x + right, y=self.middle.y + down)


def held_out(subject: str, place: str, kind: str) -> bool:
    """Whether this combination is kept from the generators: one in eight, for the judge."""
    indices = list(SUBJECTS).index(subject), list(PLACES).index(place), list(MOTIONS).index(kind)
    return (5 * indices[0] + 3 * indices[1] + indices[2]) % 8 == 0


def sample(rng: np.random.Generator, for_judge: bool = False) -> Motion:
    """Draws a clip of the generators' combinations, or of the held-out ones."""
    while True:
        subject, place, kind = (str(rng.choice(list(names))) for names in (SUBJECTS, PLACES, MOTIONS))
        size = int(rng.choice(list(SPRITE_SIZES)))
        if held_out(subject, place, kind) == for_judge and kept_from_pictures(subject, place, size) == for_judge:
            break
    horizon = 76 + int(rng.integers(-8, 9))
    x, y = 64 + int(rng.integers(-6, 7)), 62 + int(rng.integers(-4, 5))
    reach = int(rng.integers(22, 34)) if kind == "bounce" else int(rng.integers(34, 53))
    return Motion(Composition(subject, place, x, y, size, horizon), kind, reach, int(rng.integers(2, 4)))


def caption(rng: np.random.Generator, motion: Motion) -> str:
    """A caption that says how the subject moves, such as "a panda moving left in the snow"."""
    subject, words = motion.middle.subject, rng.choice(MOTIONS[motion.kind])
    return describe(rng, subject, motion.middle.place).replace(subject, f"{subject} {words}", 1)


def clip(sprites: Sprites, motion: Motion, frames: int = FRAMES) -> np.ndarray:
    """Draws the clip: float32 RGB ``[frames, 128, 128, 3]`` in 0..1."""
    return np.stack([sprites.compose(motion.at(moment))[0] for moment in np.linspace(0, 1, frames)])
