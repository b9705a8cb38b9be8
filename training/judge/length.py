"""Measures how long the embedded model keeps its subject: clips of 24 frames, as they are made and otherwise.

    python -m training.judge.length              # prints a table

A clip keeps its subject where the judge names the same one in all of its frames, and the right one.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from ppt2v.modes.motion import PUBLISHED
from ppt2v.progress import bars, counted
from ppt2v.request.drift import LENGTH, MOTION
from training.judge import pictures as judge

FRAMES = 24
_DEFAULT = PUBLISHED * (LENGTH - 1) / (FRAMES - 1)  # what a run of so many frames takes where none is given
SETTINGS = {
    "the default": _DEFAULT,
    "`--motion 12 12`, the published one": PUBLISHED,
    "`--motion 6 6`": 6.0,
    "the default with `--anchors first+previous`": (_DEFAULT, "first+previous"),
    "the default with `--anchors 8`": (_DEFAULT, "8"),
}


def arguments(setting: float | tuple[float, str]) -> dict[str, float | str]:
    """What the pipeline is told for a setting of the table: a motion, or that and anchors."""
    motion, anchors = setting if isinstance(setting, tuple) else (setting, "first")
    return {**dict.fromkeys(MOTION, motion), "anchors": anchors}


def kept(critic: judge.Judge, clips: Sequence[np.ndarray], subjects: Sequence[str]) -> tuple[float, float]:
    """The share of clips with the right subject in all frames, and that of frames with it, 0..1."""
    seen = [judge.verdict(critic, frames)[0] for frames in clips]
    right = [[name == subject for name in names] for names, subject in zip(seen, subjects)]
    return float(np.mean([all(clip) for clip in right])), float(np.mean([frame for clip in right for frame in clip]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=40)
    parser.add_argument("--dtype", help="float32, bfloat16, int8 ...; what is fastest if not given")
    args = parser.parse_args()
    maker, critic = judge.Maker(dtype=args.dtype), judge.load()
    prompts = judge.prompts(args.clips)
    print(f"| {FRAMES} frames, {args.clips} clips | right subject throughout | frames with it |\n|---|---|---|")
    for name, setting in SETTINGS.items():
        with bars(True) as watch:
            numbered = counted(list(enumerate(prompts)), len(prompts), name, watch)
            clips = [maker.frames(prompt, seed, FRAMES, **arguments(setting)) for seed, (_, _, prompt) in numbered]
        throughout, frames = kept(critic, clips, [subject for subject, _, _ in prompts])
        print(f"| {name} | {throughout:.1%} | {frames:.1%} |", flush=True)


if __name__ == "__main__":
    main()
