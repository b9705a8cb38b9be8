"""Drawn characters for the pose mode: a subject's face on a body of rounded limbs, and OpenPose's drawing of it.

Joints are numbered as OpenPose's body-18 model numbers them, and its drawing is followed exactly, so that maps of other
programs fit. A character faces the viewer: its right hand is on the picture's left.
"""

from __future__ import annotations

import colorsys
import math
from dataclasses import dataclass

import cv2
import numpy as np

from training.pictures.scenes import Example, levels
from training.pictures.sprites import PLACES, SIZE, SUBJECTS, Sprites, background

(
    NOSE,
    NECK,
    R_SHOULDER,
    R_ELBOW,
    R_WRIST,
    L_SHOULDER,
    L_ELBOW,
    L_WRIST,
    R_HIP,
    R_KNEE,
    R_ANKLE,
    L_HIP,
    L_KNEE,
    L_ANKLE,
    R_EYE,
    L_EYE,
    R_EAR,
    L_EAR,
) = range(18)
LIMBS = (
    (1, 2),
    (1, 5),
    (2, 3),
    (3, 4),
    (5, 6),
    (6, 7),
    (1, 8),
    (8, 9),
    (9, 10),
    (1, 11),
    (11, 12),
    (12, 13),
    (1, 0),
    (0, 14),
    (14, 16),
    (0, 15),
    (15, 17),
)
COLOURS = [tuple(round(255 * c) for c in colorsys.hsv_to_rgb(i / 18, 1, 1)) for i in range(18)]
FINE = 4  # limbs are drawn this many times larger, then averaged


@dataclass(frozen=True)
class Look:
    """Colours of a body: arms and legs, trunk, hands and feet; and which part of the sprite is the head."""

    limbs: tuple[int, int, int]
    trunk: tuple[int, int, int]
    ends: tuple[int, int, int]
    head: float = 1.0


LOOKS = {
    "panda": Look((60, 55, 75), (235, 232, 245), (45, 40, 60)),
    "fox": Look((240, 130, 45), (250, 205, 150), (90, 55, 45)),
    "bear": Look((140, 95, 75), (175, 130, 105), (90, 60, 50)),
    "tiger": Look((245, 140, 50), (250, 225, 200), (70, 60, 65)),
    "lion": Look((240, 175, 60), (250, 205, 110), (120, 80, 55)),
    "koala": Look((140, 140, 150), (195, 195, 205), (95, 95, 105)),
    "frog": Look((70, 190, 120), (190, 225, 110), (45, 140, 90)),
    "robot": Look((185, 180, 200), (160, 150, 185), (235, 60, 95)),
    "unicorn": Look((190, 145, 245), (215, 180, 250), (250, 190, 70)),
    "santa claus": Look((225, 35, 60), (205, 25, 50), (245, 240, 245)),
    "astronaut": Look((225, 222, 238), (205, 200, 222), (235, 90, 60), head=0.64),
}
CAPTIONS = (
    "{a} {subject} dancing {place}",
    "{d} dancing {subject} {place}",
    "{a} {subject} {place}",
    "{subject} dancing {place}",
)


# Least and most of a body's height for the head's width, trunk, upper arm and thigh. Real clips bring small heads.
CARTOONS = (0.34, 0.26, 0.14, 0.15), (0.46, 0.32, 0.19, 0.19)
PEOPLE = (0.18, 0.28, 0.15, 0.20), (0.32, 0.32, 0.19, 0.24)


def held_out(subject: str, place: str) -> bool:
    """Whether this pair is kept from the training, for the figures: one in eight."""
    return (3 * list(SUBJECTS).index(subject) + list(PLACES).index(place)) % 8 == 0


def _along(start: np.ndarray, degrees: float, length: float) -> np.ndarray:
    """The point ``length`` away; 0 degrees is down, 90 the picture's right."""
    return start + length * np.array([math.sin(math.radians(degrees)), math.cos(math.radians(degrees))])


@dataclass(frozen=True)
class Body:
    """Lengths in pixels: head (width), trunk, upper arm, thigh, half the shoulders, half the hips."""

    head: float
    trunk: float
    arm: float
    leg: float
    shoulders: float
    hips: float


@dataclass(frozen=True)
class Stance:
    """Angles in degrees; 0 hangs down, and limbs open outwards. Pairs are right and left."""

    lean: float
    tilt: float
    upper_arms: tuple[float, float]
    forearms: tuple[float, float]
    thighs: tuple[float, float]
    shins: tuple[float, float]


def joints_of(body: Body, stance: Stance) -> np.ndarray:
    """The joints ``[18, 2]`` (x, y), the middle of the hips at (0, 0)."""
    joints = np.zeros((18, 2))
    joints[NECK] = _along(np.zeros(2), 180 + stance.lean, body.trunk)
    across = np.array([math.cos(math.radians(stance.lean)), math.sin(math.radians(stance.lean))])
    rows = (
        (-1, R_SHOULDER, R_ELBOW, R_WRIST, R_HIP, R_KNEE, R_ANKLE),
        (1, L_SHOULDER, L_ELBOW, L_WRIST, L_HIP, L_KNEE, L_ANKLE),
    )
    for number, (side, shoulder, elbow, wrist, hip, knee, ankle) in enumerate(rows):
        joints[shoulder] = joints[NECK] + side * across * body.shoulders + (0, 1.5)
        joints[hip] = side * across * body.hips
        joints[elbow] = _along(joints[shoulder], side * stance.upper_arms[number], body.arm)
        joints[wrist] = _along(joints[elbow], side * stance.forearms[number], body.arm)
        joints[knee] = _along(joints[hip], side * stance.thighs[number], body.leg)
        joints[ankle] = _along(joints[knee], side * stance.shins[number], body.leg)
    _add_head(joints, body.head, stance.tilt)
    return joints


def pose(rng: np.random.Generator) -> np.ndarray:
    """Joints of a random dancing pose, ``[18, 2]`` in pixels (x, y)."""
    height, lean = rng.uniform(84, 112), rng.normal(0, 9)
    shares = rng.uniform(*(PEOPLE if rng.random() < 0.3 else CARTOONS))
    body = Body(*(height * shares), shoulders=0.105 * height, hips=0.065 * height)
    upper, thighs = rng.uniform(15, 150, 2), rng.uniform(-5, np.where(rng.random(2) < 0.6, 55, 20))
    forearms, shins = upper + rng.uniform(-30, 110, 2), thighs - rng.uniform(0, 70, 2) * rng.random(2)
    joints = joints_of(body, Stance(lean, lean + rng.normal(0, 8), upper, forearms, thighs, shins))
    if rng.random() < 0.15:
        joints[:, 0] += 0.35 * joints[:, 1] * rng.uniform(-0.5, 0.5)
    return _placed(rng, joints, body.head)


def dancing(body: Body, turn: float) -> np.ndarray:
    """Joints of a dance that repeats when ``turn`` (radians) has gone round, ``[18, 2]`` in pixels (x, y)."""
    swing, step = math.sin(turn), math.sin(2 * turn)
    stance = Stance(
        lean=7 * swing,
        tilt=10 * swing,
        upper_arms=(80 + 50 * swing, 80 - 50 * swing),
        forearms=(120 + 40 * step, 120 + 40 * step),
        thighs=(16 + 20 * max(swing, 0), 16 + 20 * max(-swing, 0)),
        shins=(8 - 25 * max(swing, 0), 8 - 25 * max(-swing, 0)),
    )
    return joints_of(body, stance) + (64 + 7 * swing, 82 + 2 * step)


def _add_head(joints: np.ndarray, side: float, tilt: float) -> None:
    """Nose, eyes and ears of a head ``side`` pixels wide above the neck, tilted by ``tilt`` degrees."""
    right = np.array([math.cos(math.radians(tilt)), math.sin(math.radians(tilt))])
    down = np.array([-right[1], right[0]])
    nose = joints[NECK] - down * side * 0.42
    joints[NOSE] = nose
    for eye, ear, sign in ((R_EYE, R_EAR, -1), (L_EYE, L_EAR, 1)):
        joints[eye] = nose + sign * right * side * 0.16 - down * side * 0.14
        joints[ear] = nose + sign * right * side * 0.38 - down * side * 0.06


def _placed(rng: np.random.Generator, joints: np.ndarray, head: float) -> np.ndarray:
    """The joints moved, and made smaller if need be, so that the whole body is in the picture."""
    low, high = joints.min(axis=0) - (5, 0), joints.max(axis=0) + (5, 5)
    low[1] = min(low[1], joints[NOSE][1] - head * 0.6)
    low[0], high[0] = min(low[0], joints[NOSE][0] - head / 2), max(high[0], joints[NOSE][0] + head / 2)
    scale = min(1.0, 124 / (high - low).max())
    low, high = low * scale, high * scale
    return joints * scale + rng.uniform(2 - low, SIZE - 2 - high + 1e-6)


def skeleton(joints: np.ndarray, width: float = 4, size: int = SIZE) -> np.ndarray:
    """OpenPose's drawing on black, uint8 ``[size, size, 3]``: circles, then each limb blended over with 0.6."""
    canvas = np.zeros((size, size, 3), np.uint8)
    for (x, y), colour in zip(joints, COLOURS):
        cv2.circle(canvas, (int(x), int(y)), round(width), colour, -1)
    for (a, b), colour in zip(LIMBS, COLOURS):
        (x, y), (dx, dy) = (joints[a] + joints[b]) / 2, joints[b] - joints[a]
        drawn, axes = canvas.copy(), (int(math.hypot(dx, dy) / 2), round(width))
        angle = int(math.degrees(math.atan2(dy, dx)))
        cv2.fillConvexPoly(drawn, cv2.ellipse2Poly((int(x), int(y)), axes, angle, 0, 360, 1), colour)
        canvas = cv2.addWeighted(canvas, 0.4, drawn, 0.6, 0)
    return canvas


def draw(sprites: Sprites, joints: np.ndarray, subject: str, empty: np.ndarray) -> np.ndarray:
    """The character on an empty place, both float32 RGB ``[128, 128, 3]`` in 0..1."""
    look, canvas = LOOKS[subject], levels(empty)
    canvas = cv2.resize(canvas, None, fx=FINE, fy=FINE, interpolation=cv2.INTER_NEAREST)
    reach = np.linalg.norm(joints[NECK] - joints[[R_HIP, L_HIP]].mean(axis=0))  # the trunk's length sets all widths
    thick = np.clip(reach * 0.34, 4, 12)
    for chain, colour in (((8, 9, 10), look.limbs), ((11, 12, 13), look.limbs)):
        _limb(canvas, joints, chain, thick * 1.1, colour, look.ends)
    _trunk(canvas, joints, thick, look.trunk)
    for chain in ((2, 3, 4), (5, 6, 7)):
        _limb(canvas, joints, chain, thick, look.limbs, look.ends)
    picture = cv2.resize(canvas, (SIZE, SIZE), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    return _with_head(picture, sprites, joints, subject, look.head)


def _darker(colour: tuple[int, int, int]) -> tuple[int, int, int]:
    return tuple(int(0.72 * c) for c in colour)


def _line(canvas, points: np.ndarray, thickness: float, colour) -> None:
    corners = (points * FINE).round().astype(np.int32)
    cv2.polylines(canvas, [corners], False, colour, max(1, round(thickness * FINE)), cv2.LINE_AA)


def _limb(canvas, joints, chain: tuple[int, ...], thickness: float, colour, end_colour) -> None:
    points = joints[list(chain)]
    _line(canvas, points, thickness + 1.5, _darker(colour))
    _line(canvas, points, thickness, colour)
    centre = tuple(int(v) for v in (points[-1] * FINE).round())
    cv2.circle(canvas, centre, round(thickness * 0.72 * FINE), end_colour, -1, cv2.LINE_AA)


def _trunk(canvas, joints, thickness: float, colour) -> None:
    corners = joints[[R_SHOULDER, L_SHOULDER, L_HIP, R_HIP, R_SHOULDER]]
    _line(canvas, corners, thickness + 1.5, _darker(colour))
    _line(canvas, corners, thickness, colour)
    cv2.fillConvexPoly(canvas, (corners[:4] * FINE).round().astype(np.int32), colour, cv2.LINE_AA)


def _with_head(picture, sprites: Sprites, joints, subject: str, part: float) -> np.ndarray:
    """The sprite's upper ``part``, as wide and as tilted as the ears say, around the nose."""
    between = joints[L_EAR] - joints[R_EAR]
    side, tilt = np.linalg.norm(between) / 0.76, math.degrees(math.atan2(between[1], between[0]))
    sprite = sprites.get(subject, 96)[: round(96 * part)]
    scale = side / (96 * min(1.0, part * 1.15))
    turn = cv2.getRotationMatrix2D((48, sprite.shape[0] * 0.6), -tilt, scale)
    turn[:, 2] += joints[NOSE] - (48, sprite.shape[0] * 0.6)
    face = cv2.warpAffine(sprite, turn, (SIZE, SIZE), flags=cv2.INTER_AREA if scale < 0.5 else cv2.INTER_LINEAR)
    return np.clip(picture * (1 - face[..., 3:]) + face[..., :3], 0, 1).astype(np.float32)


def words(rng: np.random.Generator, subject: str, place: str) -> str:
    """A caption of the character in the place."""
    article = "an" if subject == "astronaut" else "a"
    phrase = str(rng.choice(PLACES[place].phrases))
    return str(rng.choice(CAPTIONS)).format(a=article, d="a", subject=subject, place=phrase)


def scene(rng: np.random.Generator, for_judge: bool = False) -> tuple[str, str, np.ndarray]:
    """A random subject, place and pose, the pair from the training's or from the held-out ones."""
    while True:
        subject, place = str(rng.choice(list(LOOKS))), str(rng.choice(list(PLACES)))
        if held_out(subject, place) == for_judge:
            return subject, place, pose(rng)


def stage(rng: np.random.Generator, joints: np.ndarray, place: str) -> np.ndarray:
    """The empty place with its horizon above the feet, float32 RGB ``[128, 128, 3]`` in 0..1."""
    feet = joints[[R_ANKLE, L_ANKLE], 1].max()
    return background(place, int(np.clip(feet - rng.uniform(18, 40), 56, 100)))


def with_alpha(sprites: Sprites, rng: np.random.Generator, for_judge: bool) -> tuple[np.ndarray, np.ndarray]:
    """A character in a random pose and place, and its alpha ``[128, 128]``: what stays of black and of white places."""
    subject, place, joints = scene(rng, for_judge)
    black, white = (draw(sprites, joints, subject, np.full((SIZE, SIZE, 3), v, np.float32)) for v in (0, 1))
    alpha = np.clip(1 - (white - black).mean(axis=-1), 0, 1)
    return black + (1 - alpha[..., None]) * stage(rng, joints, place), alpha


def example(sprites: Sprites, rng: np.random.Generator, for_judge: bool = False) -> Example:
    """A character in a random pose and place with its skeleton, whose lines vary in width."""
    subject, place, joints = scene(rng, for_judge)
    picture = draw(sprites, joints, subject, stage(rng, joints, place))
    width = 4 if rng.random() < 0.6 else rng.uniform(2, 5)
    return Example(picture, words(rng, subject, place), skeleton(joints, width))
