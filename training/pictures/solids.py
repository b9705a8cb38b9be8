"""Solids with their depth: rays cast at planes, ellipsoids, boxes and cut-outs.

A camera at the origin looks along z; x points right, y down. A ray is ``(x, y, 1)``, so that the number by which it is
multiplied is the depth.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from training.pictures import textures

SIDE = 128  # pixels of a picture
AMBIENT = 0.45


@dataclass
class Canvas:
    """What is seen so far: colours ``[side, side, 3]`` and inverse depth ``[side, side]``, 0 for the sky."""

    rays: np.ndarray
    light: np.ndarray
    colours: np.ndarray = field(default_factory=lambda: np.zeros((SIDE, SIDE, 3), np.float32))
    nearness: np.ndarray = field(default_factory=lambda: np.zeros((SIDE, SIDE), np.float32))

    def put(self, part: tuple[slice, slice], nearness: np.ndarray, colours: np.ndarray, seen: np.ndarray) -> None:
        """Draws what was ``seen`` in a part of the picture where nothing nearer is."""
        seen = seen & (nearness > self.nearness[part])
        self.nearness[part][seen] = nearness[seen]
        self.colours[part][seen] = colours[seen]

    def part(self, centre: np.ndarray, radius: float) -> tuple[slice, slice]:
        """The part of the picture in which a ball can be."""
        z = max(centre[2] - radius, 0.15)
        bounds = []
        for axis in (1, 0):
            line = self.rays[:, 0, 1] if axis else self.rays[0, :, 0]
            ends = [(centre[axis] + side * radius) / depth for side in (-1, 1) for depth in (z, centre[2] + radius)]
            bounds.append(slice(*np.searchsorted(line, (min(ends), max(ends)))))
        return bounds[0], bounds[1]

    def shade(self, normals: np.ndarray) -> np.ndarray:
        return AMBIENT + (1 - AMBIENT) * np.clip(normals @ self.light, 0, 1)


def camera(rng: np.random.Generator) -> np.ndarray:
    """Rays ``[side, side, 3]`` of a random angle of view; frames of all shapes are stretched to a square."""
    wide = rng.uniform(0.35, 0.9)
    high = wide * rng.uniform(0.6, 1.5)
    x, y = np.linspace(-wide, wide, SIDE), np.linspace(-high, high, SIDE)
    return np.stack([*np.meshgrid(x, y), np.ones((SIDE, SIDE))], -1).astype(np.float32)


def turn(rng: np.random.Generator) -> np.ndarray:
    """A rotation ``[3, 3]`` about the upright, then a little about the others."""
    upright, tilt, roll = rng.uniform(-np.pi, np.pi), rng.normal(0, 0.15), rng.normal(0, 0.15)
    return cv2.Rodrigues(np.array([0, upright, 0.0]))[0] @ cv2.Rodrigues(np.array([tilt, 0, roll]))[0]


def plane(canvas: Canvas, normal: np.ndarray, distance: float, levels: list[np.ndarray], scale: float) -> None:
    """A plane ``normal . p = distance`` with a texture whose side is ``scale`` long."""
    along = canvas.rays @ normal
    nearness = (along / distance).astype(np.float32)
    seen = nearness > 1 / 200
    points = canvas.rays[seen] / nearness[seen][:, None]
    across = np.cross(normal, [0.0, 0.0, 1.0] if abs(normal[2]) < 0.9 else [1.0, 0.0, 0.0])
    across /= np.linalg.norm(across)
    slant = np.abs(along[seen]) + 1e-3
    footprint = 2 / SIDE / nearness[seen] / slant / scale
    u, v = points @ across / scale, points @ np.cross(normal, across) / scale
    colours = np.zeros((SIDE, SIDE, 3), np.float32)
    colours[seen] = textures.looked_up(levels, u, v, footprint) * canvas.shade(-normal)
    canvas.put((slice(None), slice(None)), nearness, colours, seen)


def ellipsoid(canvas: Canvas, centre: np.ndarray, axes: np.ndarray, turned: np.ndarray, levels: list) -> None:
    """An ellipsoid with half axes ``[3]``, turned by a rotation ``[3, 3]``."""
    part = canvas.part(centre, float(axes.max()))
    to_ball = turned.T / axes[:, None]
    ways, start = canvas.rays[part] @ to_ball.T, -(to_ball @ centre)
    a, b, c = (ways**2).sum(-1), ways @ start, start @ start - 1
    root = b * b - a * c
    depth = (-b - np.sqrt(np.maximum(root, 0))) / a
    seen = (root > 0) & (depth > 0.1)
    ball = start + ways * depth[..., None]
    normals = ball @ to_ball
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True) + 1e-6
    _paint(canvas, part, depth, seen, ball, normals, levels, float(axes.mean()))


def box(canvas: Canvas, centre: np.ndarray, axes: np.ndarray, turned: np.ndarray, levels: list) -> None:
    """A box with half sides ``[3]``, turned by a rotation."""
    part = canvas.part(centre, float(np.linalg.norm(axes)))
    ways, start = canvas.rays[part] @ turned, -(turned.T @ centre)
    ways = np.where(np.abs(ways) < 1e-6, 1e-6, ways)
    ends = np.stack([(-axes - start) / ways, (axes - start) / ways])
    enter, leave = ends.min(0), ends.max(0)
    depth, side = enter.max(-1), enter.argmax(-1)
    seen = (depth < leave.min(-1)) & (depth > 0.1)
    local = (start + ways * depth[..., None]) / axes
    normals = -(np.sign(ways) * np.eye(3)[side]) @ turned.T
    order = np.array([(2, 1, 0), (0, 2, 1), (0, 1, 2)])  # of the axes: the two that lie in the side come first
    place = np.take_along_axis(local, order[side], -1)
    _paint(canvas, part, depth, seen, place, normals, levels, float(axes.mean()))


def _paint(canvas: Canvas, part, depth, seen, place, normals, levels, size: float) -> None:
    """Draws what rays met at ``depth``; the first two of ``place`` (-1..1) are where in the texture."""
    colours = np.zeros((*depth.shape, 3), np.float32)
    where = place[seen]
    u, v = where[:, 0] * 0.45 + 0.5, where[:, 1] * 0.45 + 0.5
    colours[seen] = textures.looked_up(levels, u, v, depth[seen] / SIDE / size)
    nearness = 1 / np.maximum(depth, 0.1)
    canvas.put(part, nearness.astype(np.float32), colours * canvas.shade(normals)[..., None].astype(np.float32), seen)


def cutout(canvas: Canvas, sprite: np.ndarray, centre: np.ndarray, width: float, height: float) -> None:
    """A sprite that stands upright, nearer in its middle than at its outline, as bodies are."""
    x, y = ((canvas.rays[..., axis] * centre[2] - centre[axis]) / size for axis, size in ((0, width), (1, height)))
    at = [((value + 0.5) * 128).astype(np.float32) for value in (x, y)]
    found = cv2.remap(sprite, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    inside = cv2.distanceTransform((sprite[..., 3] > 0.5).astype(np.uint8), cv2.DIST_L2, 3) / 64
    bulge = cv2.remap(np.sqrt(np.clip(inside, 0, 0.4)), *at, cv2.INTER_LINEAR)
    depth = centre[2] - 0.5 * min(width, height) * bulge
    seen = (found[..., 3] > 0.5) & (depth > 0.1)
    canvas.put((slice(None), slice(None)), (1 / np.maximum(depth, 0.1)).astype(np.float32), found[..., :3], seen)
