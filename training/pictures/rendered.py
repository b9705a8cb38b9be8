"""Rendered scenes with their depth, drawn at random: grounds and rooms with what stands there, and portraits."""

from __future__ import annotations

import cv2
import numpy as np

from training.pictures import textures
from training.pictures.solids import SIDE, Canvas, box, camera, cutout, ellipsoid, plane, turn
from training.pictures.textures import Cutouts, colour, noise, texture


class Scene:
    """A scene that is drawn at random.

    Args:
        cutouts: sprites to put into it.
    """

    def __init__(self, cutouts: Cutouts, rng: np.random.Generator):
        self.cutouts, self.rng = cutouts, rng
        light = rng.normal(0, 1, 3) + (0, -1.2, -0.8)
        self.canvas = Canvas(camera(rng), (light / np.linalg.norm(light)).astype(np.float32))

    def render(self) -> tuple[np.ndarray, np.ndarray]:
        """A picture float32 ``[128, 128, 3]`` in 0..1, and its inverse depth float32 ``[128, 128]``."""
        self.rng.choice([self.outdoors, self.indoors, self.portrait], p=[0.5, 0.25, 0.25])()
        return self.canvas.colours, self.canvas.nearness

    def outdoors(self) -> None:
        """A ground under a sky, a row of trees or hills far away, and things that stand on the ground."""
        rng = self.rng
        self._sky()
        tilt = rng.uniform(-0.15, 0.45)
        self.down = np.array([rng.normal(0, 0.03), np.cos(tilt), np.sin(tilt)])
        self.down /= np.linalg.norm(self.down)
        self.height = rng.uniform(0.8, 2.5)
        plane(self.canvas, self.down, self.height, texture(rng), rng.uniform(1, 8))
        if rng.random() < 0.75:
            self._backdrop()
        for _ in range(rng.integers(1, 6)):
            self.stand(np.exp(rng.uniform(np.log(1.6), np.log(8))))

    def indoors(self) -> None:
        """A room seen from inside, with furniture."""
        rng, canvas = self.rng, self.canvas
        self.height = rng.uniform(0.8, 1.7)
        around = cv2.Rodrigues(np.array([rng.uniform(-0.1, 0.3), rng.uniform(-0.6, 0.6), rng.normal(0, 0.02)]))[0]
        self.down = around @ (0, 1, 0)
        walls = [(0, 1, 0), (0, -1, 0), (1, 0, 0), (-1, 0, 0), (0, 0, 1)]
        away = [self.height, rng.uniform(0.8, 1.8), *rng.uniform(1, 4, 2), rng.uniform(2.5, 8)]
        nearest = np.full((SIDE, SIDE), -1.0)
        surface = texture(rng)
        for normal, distance in zip(walls, away):
            own = texture(rng) if normal[1] or rng.random() < 0.3 else surface
            part = Canvas(canvas.rays, canvas.light)
            plane(part, around @ normal, distance, own, rng.uniform(0.5, 4))
            inside = part.nearness > nearest  # of walls, seen from inside, the nearest is the one that is met
            nearest = np.where(inside, part.nearness, nearest)
            canvas.colours[inside], canvas.nearness[inside] = part.colours[inside], part.nearness[inside]
        for _ in range(rng.integers(1, 7)):
            self.stand(rng.uniform(1.2, max(1.5, away[4] * 0.9)))

    def portrait(self) -> None:
        """Somebody near before a wall."""
        rng, distance = self.rng, self.rng.uniform(2, 10)
        normal = np.array([rng.normal(0, 0.15), rng.normal(0, 0.08), 1.0])
        plane(self.canvas, normal / np.linalg.norm(normal), distance, texture(rng), rng.uniform(0.5, 6))
        self.down, self.height = np.array([0.0, 1.0, 0.0]), 0.0
        self.bust(np.array([rng.normal(0, 0.15), rng.normal(-0.1, 0.15), rng.uniform(0.45, 1.3)]))

    def stand(self, z: float) -> None:
        """Something on the ground at a depth."""
        rng = self.rng
        reach = z * self.canvas.rays[0, -1, 0]
        x = rng.uniform(-reach, reach)
        foot = np.array([x, (self.height - self.down[0] * x - self.down[2] * z) / self.down[1], z])
        kinds = [self.figure, self.animal, self.tree, self.lump, self.crate, self.sprite]
        rng.choice(kinds, p=[0.15, 0.2, 0.1, 0.1, 0.15, 0.3])(foot)

    def figure(self, foot: np.ndarray) -> None:
        """A standing person of ellipsoids."""
        rng, tall = self.rng, self.rng.uniform(1.2, 1.9)
        clothes, skin, legs = texture(rng), texture(rng), texture(rng)
        for side in (-1, 1):
            self._limb(
                foot + (0.09 * side * tall, 0, 0), foot + (0.05 * side * tall, -0.5 * tall, 0), 0.06 * tall, legs
            )
            hand = foot + (side * rng.uniform(0.15, 0.4) * tall, -rng.uniform(0.4, 0.9) * tall, rng.normal(0, 0.1))
            self._limb(foot + (0.12 * side * tall, -0.8 * tall, 0), hand, 0.045 * tall, clothes)
        self._limb(foot + (0, -0.45 * tall, 0), foot + (0, -0.86 * tall, 0), 0.13 * tall, clothes)
        self._ball(foot + (0, -0.93 * tall, 0), np.array([0.07, 0.09, 0.08]) * tall, skin)

    def animal(self, foot: np.ndarray) -> None:
        """Four legs, a trunk, a neck and a head, seen from any side."""
        rng, long, fur = self.rng, self.rng.uniform(0.5, 2.2), texture(self.rng)
        angle = rng.choice([0, np.pi]) + rng.normal(0, 0.5)
        ahead, aside = np.array([np.cos(angle), 0, np.sin(angle)]), np.array([-np.sin(angle), 0, np.cos(angle)])
        up = np.array([0, -rng.uniform(0.35, 0.7) * long, 0])
        for forth in (-0.38, 0.38):
            for side in (-0.12, 0.12):
                top = foot + up + forth * long * ahead + side * long * aside
                self._limb(top - up + rng.normal(0, 0.08) * long * ahead, top, 0.06 * long, fur)
        self._limb(foot + up * 1.15 - 0.5 * long * ahead, foot + up * 1.15 + 0.5 * long * ahead, 0.22 * long, fur)
        head = foot + up * rng.uniform(1, 2.2) + 0.75 * long * ahead
        self._limb(foot + up * 1.2 + 0.4 * long * ahead, head, 0.11 * long, fur)
        self._ball(head + 0.05 * long * ahead, np.array([0.16, 0.11, 0.1]) * long, fur)

    def tree(self, foot: np.ndarray) -> None:
        rng, tall, leaves = self.rng, self.rng.uniform(1.5, 6), texture(self.rng)
        self._limb(foot, foot - (0, 0.6 * tall, 0), 0.05 * tall, texture(rng))
        for _ in range(rng.integers(1, 5)):
            self._ball(
                foot + rng.normal(0, 0.12, 3) * tall - (0, 0.75 * tall, 0), rng.uniform(0.12, 0.3, 3) * tall, leaves
            )

    def lump(self, foot: np.ndarray) -> None:
        axes = self.rng.uniform(0.15, 0.9, 3)
        self._ball(foot - (0, axes[1] * self.rng.uniform(0.6, 1), 0), axes, texture(self.rng))

    def crate(self, foot: np.ndarray) -> None:
        axes, around = self.rng.uniform(0.1, 1.2, 3), cv2.Rodrigues(np.array([0, self.rng.uniform(-3, 3), 0.0]))[0]
        box(self.canvas, foot - (0, axes[1], 0), axes, around, texture(self.rng))

    def sprite(self, foot: np.ndarray) -> None:
        """A cut-out, painted as it is or in a texture."""
        rng, tall = self.rng, self.rng.uniform(0.4, 2.2)
        sprite = self.cutouts.draw(rng).copy()
        if rng.random() < 0.4:
            sprite[..., :3] = 0.3 * sprite[..., :3] + 0.7 * texture(rng)[0]
        cutout(self.canvas, sprite, foot - (0, tall / 2, 0), tall * rng.uniform(0.6, 1.5), tall)

    def bust(self, face: np.ndarray) -> None:
        """Head, hair, trunk and arms, cut by the lower border."""
        rng = self.rng
        skin, clothes, hair = texture(rng), texture(rng), texture(rng)
        self._ball(face, np.array([0.1, 0.135, 0.12]), skin)
        self._ball(face + (rng.normal(0, 0.03), rng.uniform(-0.06, 0.05), 0.05), rng.uniform(0.12, 0.2, 3), hair)
        self._limb(face + (0, 0.1, 0.02), face + (0, 0.3, 0.05), 0.07, skin)
        self._ball(face + (0, 0.55, 0.08), np.array([rng.uniform(0.22, 0.36), 0.4, rng.uniform(0.13, 0.25)]), clothes)
        for side in (-1, 1):
            elbow = face + (side * rng.uniform(0.25, 0.5), rng.uniform(0.35, 0.7), rng.uniform(-0.15, 0.1))
            self._limb(face + (side * 0.25, 0.3, 0.08), elbow, 0.09, clothes)
            if rng.random() < 0.6:
                hand = elbow + (rng.normal(-0.1 * side, 0.15), rng.uniform(-0.3, 0.1), -rng.uniform(0, 0.3))
                self._limb(elbow, hand, 0.07, clothes)
                self._ball(hand, np.full(3, 0.06), skin)

    def _ball(self, centre: np.ndarray, axes: np.ndarray, levels: list) -> None:
        ellipsoid(self.canvas, centre, axes, turn(self.rng) if self.rng.random() < 0.5 else np.eye(3), levels)

    def _limb(self, one: np.ndarray, other: np.ndarray, thick: float, levels: list) -> None:
        """An ellipsoid from one point to another."""
        way = other - one
        long = np.linalg.norm(way) + 1e-6
        first = way / long
        second = np.cross(first, [0.3, 0.2, 0.93])
        second /= np.linalg.norm(second)
        axes = np.array([long / 2 + 0.5 * thick, thick, thick])
        ellipsoid(self.canvas, (one + other) / 2, axes, np.stack([first, second, np.cross(first, second)], 1), levels)

    def _sky(self) -> None:
        rng = self.rng
        down = np.linspace(0, 1, SIDE)[:, None, None] ** rng.uniform(0.5, 2)
        sky = (1 - down) * colour(rng) + down * colour(rng)
        clouds = np.clip(noise(rng, SIDE, SIDE, 3) * 2 - 1, 0, 1)[..., None] * rng.uniform(0, 1)
        self.canvas.colours[:] = sky * (1 - clouds) + clouds * rng.uniform(0.7, 1)

    def _backdrop(self) -> None:
        """An upright screen far away whose upper edge is jagged."""
        rng, distance = self.rng, np.exp(self.rng.uniform(np.log(6), np.log(60)))
        top = cv2.resize(
            rng.random((1, int(rng.choice([3, 6, 20, 60]))), np.float32), (SIDE, 1), interpolation=cv2.INTER_LINEAR
        )
        above = (rng.uniform(0.1, 0.7) * top[0] + rng.uniform(0, 0.5)) * self.canvas.rays[-1, 0, 1]
        horizon = -self.down[2] / self.down[1]
        seen = self.canvas.rays[..., 1] > horizon - above
        levels, scale = texture(rng), rng.uniform(0.1, 0.5) * distance
        x, y = (self.canvas.rays[..., axis][seen] * distance / scale for axis in (0, 1))
        stretch = rng.uniform(0.2, 1)  # trunks and posts are upright
        colours = np.zeros((SIDE, SIDE, 3), np.float32)
        colours[seen] = textures.looked_up(levels, x, y * stretch, np.full(len(x), 2 / SIDE * distance / scale))
        self.canvas.put((slice(None), slice(None)), np.full((SIDE, SIDE), 1 / distance, np.float32), colours, seen)
