"""Measures background smoothing on the embedded model: what changes between frames, and what stays.

    python -m training.judge.smoothing                 # prints a table

Two clips of each prompt, without and with smoothing. Outside the subjects each frame is compared with the one before,
moved along the motion field by one frame (warp error, in levels of 255); the subject is judged as in
``judge.pictures``.
"""

from __future__ import annotations

import argparse
from typing import NamedTuple

import numpy as np
from scipy.ndimage import shift

from ppt2v.detectors.u2net import SalientObject
from ppt2v.modes import MODES
from ppt2v.progress import bars, counted
from training.judge import pictures as judge

STRENGTH = (12.0, 6.0)  # of the motion field, x and y
GROWN = 0.2  # of the saliency; above it a pixel belongs to the subject


class Figures(NamedTuple):
    """One clip: warp error outside the subject, whether all frames show the right one, and how much of it stays."""

    error: float
    right: bool
    area: float  # of the subject, share of the frame


def measure(frames: np.ndarray, subject: str, find: SalientObject, critic: judge.Judge) -> Figures:
    """The figures of a clip of ``subject``, uint8 RGB ``[F, H, W, 3]``."""
    masks = [mask > GROWN for mask in find.masks(frames)]
    way = [-strength * side / 512 for strength, side in zip(STRENGTH[::-1], frames.shape[1:3])]
    errors = []
    for number in range(1, len(frames)):
        before, mask = (
            shift(array.astype(float), [*way, 0][: array.ndim], order=1, mode="mirror")
            for array in (frames[number - 1], masks[number - 1])
        )
        outside = ~(masks[number] | (mask > 0))
        errors.append(np.abs(frames[number] - before)[outside].mean())
    seen, _, _ = judge.verdict(critic, frames)
    return Figures(float(np.mean(errors)), set(seen) == {subject}, float(np.mean(masks)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=20)
    parser.add_argument("--dtype", help="float32, bfloat16, int8 ...; what is fastest if not given")
    args = parser.parse_args()
    maker, critic = judge.Maker(dtype=args.dtype), judge.load()
    weights = next(p.default for p in MODES["text2video"].parameters if p.name == "saliency_weights")
    find = SalientObject(weights)
    motion = {"motion_field_strength_x": STRENGTH[0], "motion_field_strength_y": STRENGTH[1]}
    settings = {"without": {}, "with": {"smooth_bg": find}}
    found: dict[str, list[Figures]] = {name: [] for name in settings}
    prompts = list(enumerate(judge.prompts(args.clips)))
    with bars(True) as watch:
        for number, (subject, _, prompt) in counted(prompts, args.clips, "Clips", watch):
            for name, changed in settings.items():
                frames = maker.frames(prompt, number, 8, **motion, **changed)
                found[name].append(measure(frames, subject, find, critic))
    print("| smoothing | warp error outside the subject | right subject in all frames | share of the subject |")
    print("|---|---|---|---|")
    for name, figures in found.items():
        error, right, area = np.mean(figures, axis=0)
        print(f"| {name} | {error:.2f} | {right:.0%} | {area:.1%} |")


if __name__ == "__main__":
    main()
