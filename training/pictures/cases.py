"""The held-out cases of the guided modes: what is given, what is asked for, and what must come out.

    python -m training.pictures.cases SPRITES        # writes cases.npz, so that the figures need no sprites

Compositions and characters are of combinations that the trainings left out.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from training.pictures import characters, edits
from training.pictures.scenes import canny_map, depth_map, levels, three
from training.pictures.sprites import PLACES, Sprites, caption, sample

FILE = Path(__file__).with_name("cases.npz")
COUNT = 42
# Lines without loss; pictures and depth lose nothing that matters.
FORMATS = {
    "canny": (".png", []),
    "pose": (".png", []),
    "depth": (".webp", [cv2.IMWRITE_WEBP_QUALITY, 92]),
    "pix2pix": (".webp", [cv2.IMWRITE_WEBP_QUALITY, 92]),
}


@dataclass(frozen=True)
class Case:
    """One task: the mode, the prompt, a picture or map uint8 ``[128, 128, 3]``, the truth, and a seed."""

    mode: str
    prompt: str
    seed: int
    given: np.ndarray | None = None
    mask: np.ndarray | None = None  # bool ``[128, 128]``: the subject, before and after
    truth: dict = field(default_factory=dict)


def control_cases(sprites: Sprites, mode: str) -> list[Case]:
    """Edges or depth of compositions."""
    rng, cases = np.random.default_rng(31), []
    for seed in range(COUNT):
        made = sample(rng, for_judge=True)
        picture, alpha = sprites.compose(made)
        if mode == "canny":
            given = canny_map(levels(picture))
        else:
            given = three(levels(cv2.GaussianBlur(depth_map(made, alpha), (0, 0), 0.8)))
        truth = {"subject": made.subject, "place": made.place}
        cases.append(Case(mode, caption(rng, made.subject, made.place), seed, given, alpha > 0.5, truth))
    return cases


def pose_cases() -> list[Case]:
    """Skeletons of random poses."""
    rng, cases = np.random.default_rng(32), []
    for seed in range(COUNT):
        subject, place, joints = characters.scene(rng, for_judge=True)
        truth = {"subject": subject, "place": place, "joints": joints.round(2).tolist()}
        prompt = characters.words(rng, subject, place)
        cases.append(Case("pose", prompt, seed, characters.skeleton(joints), None, truth))
    return cases


def pix2pix_cases(sprites: Sprites) -> list[Case]:
    """Edits, the four kinds about equally often."""
    rng, cases, kinds = np.random.default_rng(33), [], list(edits.KINDS)
    for seed in range(COUNT + 2):
        edit = edits.pair(sprites, rng, kinds[seed % len(kinds)], for_judge=True)
        truth = {"kind": edit.kind, "target": edit.target, "subject": edit.made.subject, "place": edit.made.place}
        cases.append(Case("pix2pix", edit.instruction, seed, levels(edit.before), edit.alpha > 0.5, truth))
    return cases


def dreambooth_cases() -> list[Case]:
    """The mascot in every place."""
    phrases = [place.phrases[0] for place in PLACES.values()]
    return [Case("dreambooth", f"a sks bear {phrases[seed % len(phrases)]}", seed) for seed in range(COUNT)]


def all_cases(sprites: Sprites) -> list[Case]:
    return [
        *control_cases(sprites, "canny"),
        *control_cases(sprites, "depth"),
        *pose_cases(),
        *pix2pix_cases(sprites),
        *dreambooth_cases(),
    ]


def save(cases: list[Case]) -> None:
    """Writes ``cases.npz``."""
    arrays, heads = {}, []
    for number, case in enumerate(cases):
        heads.append({key: value for key, value in vars(case).items() if key not in ("given", "mask")})
        if case.given is not None:
            kind, options = FORMATS[case.mode]
            arrays[f"given-{number}"] = cv2.imencode(kind, case.given[..., ::-1], options)[1]
        if case.mask is not None:
            arrays[f"mask-{number}"] = np.packbits(case.mask)
    arrays["heads"] = np.frombuffer(json.dumps(heads).encode(), np.uint8)
    np.savez_compressed(FILE, **arrays)


def load() -> list[Case]:
    """All cases, as ``save`` wrote them."""
    stored, cases = np.load(FILE), []
    for number, head in enumerate(json.loads(stored["heads"].tobytes())):
        given, mask = f"given-{number}", f"mask-{number}"
        picture = cv2.imdecode(stored[given], cv2.IMREAD_COLOR)[..., ::-1].copy() if given in stored else None
        shown = np.unpackbits(stored[mask]).reshape(128, 128).astype(bool) if mask in stored else None
        cases.append(Case(**head, given=picture, mask=shown))
    return cases


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sprites", type=Path)
    save(all_cases(Sprites(parser.parse_args().sprites)))


if __name__ == "__main__":
    main()
