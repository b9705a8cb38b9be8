"""The pictures that the embedded model is trained on: one sprite in one place, composed on the fly.

Sprites are Microsoft's Fluent 3D emoji (MIT) from the npm package ``@lobehub/fluent-emoji-3d``; places are drawn here.
``fetch.sh`` downloads the sprites; nothing of them is kept in the repository.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = 128
SPRITE_SIZES = range(68, 97, 4)

# The word used in captions -> the emoji's code point (its file name in the package).
SUBJECTS = {
    "astronaut": "1f9d1-200d-1f680",
    "panda": "1f43c",
    "horse": "1f40e",
    "dog": "1f415",
    "cat": "1f408",
    "camel": "1f42a",
    "deer": "1f98c",
    "santa claus": "1f385",
    "fox": "1f98a",
    "bear": "1f43b",
    "swan": "1f9a2",
    "butterfly": "1f98b",
    "tiger": "1f42f",
    "rabbit": "1f407",
    "penguin": "1f427",
    "elephant": "1f418",
    "robot": "1f916",
    "rocket": "1f680",
    "car": "1f697",
    "sailboat": "26f5",
    "cow": "1f404",
    "pig": "1f416",
    "duck": "1f986",
    "owl": "1f989",
    "turtle": "1f422",
    "whale": "1f40b",
    "dolphin": "1f42c",
    "octopus": "1f419",
    "unicorn": "1f984",
    "dragon": "1f409",
    "monkey": "1f412",
    "koala": "1f428",
    "lion": "1f981",
    "mouse": "1f401",
    "frog": "1f438",
    "helicopter": "1f681",
    "airplane": "2708",
    "bicycle": "1f6b2",
    "train": "1f682",
    "bus": "1f68c",
    "birthday cake": "1f382",
    "pizza": "1f355",
    "guitar": "1f3b8",
    "tree": "1f332",
    "rose": "1f339",
    "sunflower": "1f33b",
    "balloon": "1f388",
    "snowman": "2603",
}


@dataclass(frozen=True)
class Place:
    """How a place is named in captions and drawn: a vertical gradient above the horizon and one below it."""

    phrases: tuple[str, ...]
    sky: tuple[tuple[int, int, int], tuple[int, int, int]]
    ground: tuple[tuple[int, int, int], tuple[int, int, int]] | None = None
    stars: bool = False


def _plain(name: str, rgb: tuple[int, int, int]) -> Place:
    return Place((f"on a {name} background", f"on {name}"), (rgb, rgb))


PLACES = {
    "snow": Place(("in the snow", "on snow"), ((130, 180, 225), (205, 225, 240)), ((246, 249, 252), (225, 234, 244))),
    "grass": Place(
        ("on the grass", "in a green meadow"), ((95, 170, 235), (190, 222, 245)), ((120, 190, 80), (80, 150, 60))
    ),
    "desert": Place(
        ("in the desert", "on sand"), ((240, 200, 130), (250, 228, 180)), ((226, 180, 105), (205, 150, 80))
    ),
    "space": Place(("in outer space", "in space"), ((12, 10, 38), (28, 18, 66)), stars=True),
    "beach": Place(
        ("on the beach", "by the sea"), ((140, 205, 245), (40, 135, 190)), ((245, 222, 170), (235, 205, 150))
    ),
    "sunset": Place(("at sunset", "in the sunset"), ((110, 55, 120), (250, 140, 70)), ((90, 50, 60), (60, 35, 50))),
    "night": Place(("at night", "in the night"), ((15, 25, 70), (40, 60, 120)), ((25, 50, 55), (15, 35, 40))),
    "water": Place(("under water", "in the ocean"), ((60, 180, 210), (10, 60, 130))),
    "red": _plain("red", (205, 50, 50)),
    "yellow": _plain("yellow", (245, 210, 70)),
    "green": _plain("green", (70, 165, 90)),
    "blue": _plain("blue", (60, 105, 210)),
    "purple": _plain("purple", (140, 80, 180)),
    "white": _plain("white", (250, 250, 250)),
}
CAPTIONS = ("{a} {subject} {place}", "{subject} {place}", "{a} {subject} {place}", "a picture of {a} {subject} {place}")
HORIZON = 76


@dataclass(frozen=True)
class Composition:
    """One picture: what is in it, where (centre in pixels), and the sprite's side in pixels."""

    subject: str
    place: str
    x: int
    y: int
    size: int
    horizon: int


def held_out(subject: str, place: str, size: int) -> bool:
    """Whether this combination is kept from the generator: one in eight, each subject in each place, for the judge."""
    indices = list(SUBJECTS).index(subject), list(PLACES).index(place), SPRITE_SIZES.index(size)
    return (5 * indices[0] + 3 * indices[1] + indices[2]) % len(SPRITE_SIZES) == 0


def sample(rng: np.random.Generator, for_judge: bool = False) -> Composition:
    """Draws a composition from the generator's combinations, or from the held-out ones."""
    while True:
        subject, place = str(rng.choice(list(SUBJECTS))), str(rng.choice(list(PLACES)))
        size = int(rng.choice(list(SPRITE_SIZES)))
        if held_out(subject, place, size) == for_judge:
            break
    horizon = HORIZON + int(rng.integers(-8, 9))
    grounded = PLACES[place].ground is not None
    y = horizon + 28 + int(rng.integers(-4, 5)) - size // 2 if grounded else 64 + int(rng.integers(-14, 15))
    return Composition(subject, place, 64 + int(rng.integers(-24, 25)), y, size, horizon)


def caption(rng: np.random.Generator, subject: str, place: str) -> str:
    """A caption of the subject in the place, in one of several wordings."""
    phrase = str(rng.choice(PLACES[place].phrases))
    article = "an" if subject[0] in "aeiou" and subject != "unicorn" else "a"
    return str(rng.choice(CAPTIONS)).format(a=article, subject=subject, place=phrase)


class Sprites:
    """The sprites in every size, alpha premultiplied, as float32 ``[size, size, 4]`` in 0..1."""

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)

    @cache
    def get(self, subject: str, size: int) -> np.ndarray:
        """The sprite of ``subject`` with a side of ``size`` pixels."""
        code = SUBJECTS[subject]
        files = [self.folder / f"{code}.webp", self.folder / f"{code}-fe0f.webp"]
        path = next((file for file in files if file.exists()), None)
        if path is None:
            raise FileNotFoundError(f"no sprite for {subject!r}: neither {files[0]} nor {files[1]} exists")
        picture = Image.open(path).convert("RGBA").convert("RGBa").resize((size, size), Image.BICUBIC)
        return np.frombuffer(picture.tobytes(), np.uint8).reshape(size, size, 4).astype(np.float32) / 255

    def compose(self, made: Composition) -> tuple[np.ndarray, np.ndarray]:
        """Draws the composition: float32 RGB ``[128, 128, 3]`` in 0..1, and the subject's alpha ``[128, 128]``."""
        canvas = background(made.place, made.horizon).copy()
        alpha = np.zeros((SIZE, SIZE), np.float32)
        sprite = self.get(made.subject, made.size)
        left, top = made.x - made.size // 2, made.y - made.size // 2
        x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + made.size, SIZE), min(top + made.size, SIZE)
        part = sprite[y0 - top : y1 - top, x0 - left : x1 - left]
        canvas[y0:y1, x0:x1] = canvas[y0:y1, x0:x1] * (1 - part[..., 3:]) + part[..., :3]
        alpha[y0:y1, x0:x1] = part[..., 3]
        return canvas, alpha


@cache
def background(name: str, horizon: int) -> np.ndarray:
    """The empty place: float32 RGB ``[128, 128, 3]`` in 0..1."""
    place = PLACES[name]
    rows = np.arange(SIZE, dtype=np.float32)
    sky_height = SIZE if place.ground is None else horizon
    picture = _gradient(place.sky, rows / sky_height)
    if place.ground is not None:
        ground = _gradient(place.ground, (rows - horizon) / (SIZE - horizon))
        picture = np.where(rows[:, None] < horizon, picture, ground)
    picture = np.repeat(picture[:, None], SIZE, axis=1)
    if place.stars:
        _draw_stars(picture)
    return (picture / 255).astype(np.float32)


def _gradient(ends, position: np.ndarray) -> np.ndarray:
    top, bottom = (np.asarray(end, np.float32) for end in ends)
    return top + (bottom - top) * np.clip(position, 0, 1)[:, None]


def _draw_stars(picture: np.ndarray) -> None:
    # The same stars every time: stars at random cannot be compressed and cost the autoencoder dearly.
    rng = np.random.default_rng(7)
    for y, x in rng.integers(2, SIZE - 3, size=(26, 2)):
        picture[y : y + 2, x : x + 2] = (225, 225, 240)
