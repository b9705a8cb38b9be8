"""Clips for the judge of steadiness, made of held-out cases: a subject that crosses its place, a character that dances.

Twelve of them, four for each of the modes ``pix2pix``, ``canny`` and ``pose``; they need no sprites. Clips that were
filmed stand beside them, where there are any.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from ppt2v import video
from ppt2v.controls.recognition import are_skeletons
from training.pictures import cases, characters, edits
from training.pictures.cases import Case
from training.pictures.characters import Body
from training.pictures.scenes import canny_map
from training.pictures.sprites import PLACES

FRAMES, FPS = 12, 8
_STEP = 3  # pixels from frame to frame
_APART = 3  # pixels around the subject that go with it
_TOLD = {"pix2pix": "make it night", "canny": "a bear in the snow", "pose": "a fox in the snow"}  # with filmed clips
_BODIES = (
    Body(head=40, trunk=29, arm=16, leg=18, shoulders=11, hips=7),
    Body(head=34, trunk=31, arm=18, leg=20, shoulders=11, hips=7),
    Body(head=37, trunk=26, arm=17, leg=21, shoulders=10, hips=6),
    Body(head=43, trunk=28, arm=15, leg=16, shoulders=12, hips=8),
)


@dataclass(frozen=True)
class MovingCase:
    """A clip, what guides the mode, and what must come out.

    Args:
        name: of the files that are made of it.
        clip: uint8 RGB ``[FRAMES, 128, 128, 3]``.
        frames: a case for each frame; ``given`` is the frame for edits, else its control map.
    """

    name: str
    clip: np.ndarray
    frames: list[Case]

    @property
    def mode(self) -> str:
        return self.frames[0].mode


def load() -> list[MovingCase]:
    """All twelve, always the same."""
    known = [case for case in cases.load() if case.mode == "pix2pix"]
    of_kind = {kind: [case for case in known if case.truth["kind"] == kind] for kind in edits.KINDS}
    edited = [of_kind[kind][0] for kind in edits.KINDS]
    drawn = [of_kind[kind][1] for kind in edits.KINDS]
    return [*map(_edit, edited), *map(_edges, drawn), *_dances()]


def filmed(folder: Path) -> list[MovingCase]:
    """For each video of a folder an edit, one by its edges, and one by its skeletons where it shows such: of the middle
    of its first frames."""
    made = []
    for file in sorted(each for each in folder.iterdir() if each.is_file()):
        frames = video.part(file, out_fps=FPS).first(FRAMES).read(multiple=1).frames
        clip = np.stack([_middle(frame) for frame in frames])
        given = {"pix2pix": list(clip), "canny": [canny_map(picture) for picture in clip]}
        if are_skeletons(list(clip)):
            given["pose"] = list(clip)
        for mode, pictures in given.items():
            cases = [Case(mode, _TOLD[mode], 0, picture) for picture in pictures]
            made.append(MovingCase(f"{mode}-{file.stem}", clip, cases))
    return made


def _middle(frame: np.ndarray) -> np.ndarray:
    side = min(frame.shape[:2])
    top, left = ((length - side) // 2 for length in frame.shape[:2])
    return cv2.resize(frame[top : top + side, left : left + side], (128, 128), interpolation=cv2.INTER_AREA)


def _edit(case: Case) -> MovingCase:
    pairs = list(_crossing(case))
    frames = [replace(case, given=picture, mask=mask) for picture, mask in pairs]
    return MovingCase(f"pix2pix-{case.truth['kind']}", np.stack([picture for picture, _ in pairs]), frames)


def _edges(case: Case) -> MovingCase:
    subject, place = case.truth["subject"], case.truth["place"]
    drawn = replace(case, mode="canny", prompt=f"{edits.article(subject)} {subject} {PLACES[place].phrases[0]}")
    pairs = list(_crossing(case))
    frames = [replace(drawn, given=canny_map(picture), mask=mask) for picture, mask in pairs]
    return MovingCase(f"canny-{subject}", np.stack([picture for picture, _ in pairs]), frames)


def _crossing(case: Case) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The picture with its subject moved from left to right, and where the subject is, frame by frame."""
    around = cv2.dilate(case.mask.astype(np.uint8), np.ones((2 * _APART + 1,) * 2, np.uint8))
    empty = cv2.inpaint(case.given, cv2.dilate(around, np.ones((3, 3), np.uint8)), 3, cv2.INPAINT_TELEA)
    for frame in range(FRAMES):
        right = round(_STEP * (frame - (FRAMES - 1) / 2))
        shift = np.array([[1, 0, right], [0, 1, 0]], np.float32)
        picture, cut, mask = (
            cv2.warpAffine(layer, shift, (128, 128), flags=cv2.INTER_NEAREST)
            for layer in (case.given, around, case.mask.astype(np.uint8))
        )
        yield np.where(cut[..., None] > 0, picture, empty), mask > 0


def _dances() -> Iterator[MovingCase]:
    chosen = [case for case in cases.load() if case.mode == "pose"]
    first_of = {case.truth["subject"]: case for case in reversed(chosen)}
    for number, (case, body) in enumerate(zip([first_of[subject] for subject in sorted(first_of)], _BODIES)):
        joints = [characters.dancing(body, 2 * math.pi * (frame / 16 + number / 4)) for frame in range(FRAMES)]
        frames = [
            replace(case, given=characters.skeleton(each), truth={**case.truth, "joints": each.tolist()})
            for each in joints
        ]
        yield MovingCase(f"pose-{number}", np.stack([frame.given for frame in frames]), frames)
