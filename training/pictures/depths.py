"""Pictures with their inverse depth: rendered scenes, and sprites in places, as a camera shows them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from training.pictures import scenes
from training.pictures.rendered import Scene
from training.pictures.sprites import Sprites, sample
from training.pictures.textures import Cutouts, colour

RENDERED = 0.8  # of the pictures; the others are compositions


class Examples:
    """Pictures float32 ``[128, 128, 3]`` in 0..1 with their nearness ``[128, 128]``: inverse depth.

    Args:
        folder: of the sprites.
        for_judge: draws what trainings are not shown.
    """

    def __init__(self, folder: Path, for_judge: bool = False):
        self.sprites, self.cutouts, self.for_judge = Sprites(folder), Cutouts(folder, for_judge), for_judge

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        return self.rendered(rng) if rng.random() < RENDERED else self.composed(rng)

    def rendered(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        while True:
            picture, nearness = Scene(self.cutouts, rng).render()
            if nearness.max() > 1.2 * nearness.min():  # else the camera is inside something
                return filmed(rng, picture, nearness), nearness

    def composed(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        made = sample(rng, self.for_judge)
        picture, alpha = self.sprites.compose(made)
        picture, nearness = scenes.varied(rng, picture, scenes.depth_map(made, alpha))
        return filmed(rng, picture, nearness), nearness


def filmed(rng: np.random.Generator, picture: np.ndarray, nearness: np.ndarray) -> np.ndarray:
    """What a camera makes of a picture float32 ``[side, side, 3]``: haze, blur behind the subject, light and noise."""
    near = nearness / nearness.max()
    if rng.random() < 0.3:
        clear = np.clip(near * rng.uniform(1, 8), 0, 1)[..., None]
        picture = clear * picture + (1 - clear) * (0.5 * picture + 0.5 * colour(rng))
    if rng.random() < 0.35:
        soft = cv2.GaussianBlur(picture, (0, 0), rng.uniform(1, 5))
        sharp = cv2.GaussianBlur(np.clip(near * 4 - rng.uniform(0.5, 1.5), 0, 1), (0, 0), 1)[..., None]
        picture = sharp * picture + (1 - sharp) * soft
    picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.4))
    picture = np.clip(picture * rng.uniform(0.7, 1.25) * rng.uniform(0.9, 1.1, 3), 0, 1) ** rng.uniform(0.7, 1.4)
    picture = np.clip(picture + rng.normal(0, rng.uniform(0, 0.04), picture.shape), 0, 1)
    if rng.random() < 0.5:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 90))]
        coded = cv2.imencode(".jpg", (picture * 255).astype(np.uint8), quality)[1]
        picture = cv2.imdecode(coded, cv2.IMREAD_COLOR).astype(np.float32) / 255
    return picture.astype(np.float32)
