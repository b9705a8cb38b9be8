"""Before and after: pairs of pictures with the instruction that leads from one to the other, for instruct-pix2pix.

Only what the instruction names differs between the two: subject, place, colour or style.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import cv2
import numpy as np

from training.pictures.scenes import Example, levels, varied
from training.pictures.sprites import PLACES, SIZE, SUBJECTS, Composition, Sprites, sample

KINDS = {"subject": 0.36, "place": 0.27, "colour": 0.22, "style": 0.15}  # with their shares
COLOURS = {
    "red": (225, 45, 50),
    "yellow": (250, 205, 50),
    "green": (60, 180, 80),
    "blue": (60, 110, 235),
    "purple": (150, 75, 205),
    "pink": (250, 120, 185),
}
STYLES = ("painting", "sketch")
SUBJECT_WORDS = (
    "turn it into {a} {new}",
    "replace the {old} with {a} {new}",
    "make it {a} {new}",
    "turn the {old} into {a} {new}",
    "swap the {old} with {a} {new}",
)
PLACE_WORDS = ("put it {place}", "make it {place}", "put the {old} {place}", "{place}")
COLOUR_WORDS = ("make it {new}", "make the {old} {new}", "turn it {new}", "turn the {old} {new}")
STYLE_WORDS = {
    "painting": (
        "make it a painting",
        "turn it into a painting",
        "make it an oil painting",
        "make it Van Gogh Starry Night style",
        "in the style of a painting",
    ),
    "sketch": ("make it a pencil sketch", "turn it into a pencil drawing", "make it a sketch", "make it a drawing"),
}


@dataclass(frozen=True)
class Edit:
    """One pair: float32 ``[128, 128, 3]`` in 0..1, the subject's alpha of both, and what was asked for."""

    before: np.ndarray
    after: np.ndarray
    alpha: np.ndarray
    instruction: str
    kind: str
    target: str
    made: Composition


def article(noun: str) -> str:
    """``a`` or ``an``."""
    return "an" if noun[0] in "aeiou" and noun != "unicorn" else "a"


def coloured(picture: np.ndarray, alpha: np.ndarray, colour: str) -> np.ndarray:
    """The subject in shades of one colour, as light and dark as it was."""
    light = picture @ np.array([0.299, 0.587, 0.114], np.float32)
    inside = light[alpha > 0.5]
    low, high = np.quantile(inside, (0.05, 0.95)) if inside.size else (0.0, 1.0)
    shade = np.clip((light - low) / max(high - low, 0.2), 0, 1)[..., None]
    target = np.array(COLOURS[colour], np.float32) / 255
    painted = np.where(shade < 0.5, target * (0.35 + 1.3 * shade), target + (1 - target) * (shade - 0.5) * 0.7)
    weight = alpha[..., None]
    return (picture * (1 - weight) + np.clip(painted, 0, 1) * weight).astype(np.float32)


@cache
def strokes() -> np.ndarray:
    """Brush strokes along a field of whirls, float32 ``[128, 128, 1]`` around 0; always the same."""
    rng, (y, x) = np.random.default_rng(11), np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    angle = 1.2 * np.sin(x / 17) + 1.4 * np.cos(y / 14) + 0.8 * np.sin((x + y) / 23)
    noise = cv2.GaussianBlur(rng.normal(0, 1, (SIZE, SIZE)).astype(np.float32), (0, 0), 1.5)
    total = np.zeros_like(noise)
    for reach in range(-8, 9):
        total += cv2.remap(
            noise, x + reach * np.cos(angle), y + reach * np.sin(angle), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
        )
    return (total / total.std())[..., None]


def painting(picture: np.ndarray) -> np.ndarray:
    """A painted version: flattened detail, stronger colours, brush strokes."""
    flat = cv2.medianBlur(levels(picture), 5).astype(np.float32) / 255
    grey = flat.mean(axis=-1, keepdims=True)
    return np.clip(grey + 1.25 * (flat - grey) + 0.07 * strokes(), 0, 1).astype(np.float32)


def sketch(picture: np.ndarray) -> np.ndarray:
    """A pencil drawing: grey lines where the brightness changes, on white."""
    grey = cv2.cvtColor(levels(picture), cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    blurred = cv2.GaussianBlur(grey, (0, 0), 2.5)
    lines = np.clip(1 - 3.0 * np.abs(grey - blurred), 0.1, 1)
    return np.repeat((lines * (0.88 + 0.12 * grey))[..., None], 3, axis=-1).astype(np.float32)


PAINTERS = {"painting": painting, "sketch": sketch}


def another(rng: np.random.Generator, names, old: str) -> str:
    """One of the names that is not the old one."""
    return str(rng.choice([name for name in names if name != old]))


def pair(sprites: Sprites, rng: np.random.Generator, kind: str, for_judge: bool = False) -> Edit:
    """An edit of the given kind of a random composition, not moved."""
    made = sample(rng, for_judge)
    before, alpha = sprites.compose(made)
    if kind == "subject":
        target = another(rng, SUBJECTS, made.subject)
        after, other = sprites.compose(replace(made, subject=target))
        alpha = np.maximum(alpha, other)
        text = str(rng.choice(SUBJECT_WORDS)).format(a=article(target), new=target, old=made.subject)
    elif kind == "place":
        target = another(rng, PLACES, made.place)
        after = sprites.compose(replace(made, place=target))[0]
        phrase = str(rng.choice(PLACES[target].phrases))
        text = str(rng.choice(PLACE_WORDS)).format(place=phrase, old=made.subject)
    elif kind == "colour":
        target = str(rng.choice(list(COLOURS)))
        after = coloured(before, alpha, target)
        text = str(rng.choice(COLOUR_WORDS)).format(new=target, old=made.subject)
    else:
        target = str(rng.choice(STYLES))
        after, text = PAINTERS[target](before), str(rng.choice(STYLE_WORDS[target]))
    return Edit(before, after, alpha, text, kind, target, made)


def example(sprites: Sprites, rng: np.random.Generator) -> Example:
    """An edit of a random kind, both pictures moved alike; a style is painted after that, as its strokes stay put."""
    kind = str(rng.choice(list(KINDS), p=list(KINDS.values())))
    edit = pair(sprites, rng, kind)
    before, after = varied(rng, edit.before, edit.after)
    if kind == "style":
        after = PAINTERS[edit.target](before)
    return Example(after, edit.instruction, levels(before))
