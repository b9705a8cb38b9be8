"""Measures the embedded text-to-video models: the right subject, moving as the caption says, and staying the same?

    python -m training.judge.video                                # prints the figures
    python -m training.judge.video --model embedded/videofusion
    python -m training.judge.video --model FOLDER/animate --motion-module FOLDER/motion

The captions are held out from the trainings (``moving.held_out``); the judge is ``judge.pictures.Judge``. With motion
modules the model is one of pictures (``export.motion_modules``).
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

import ppt2v  # noqa: F401  # isort: split  # before Paddle, so that it uses all cores
from ppt2v import Model, video
from ppt2v.engine.choice import ENGINES
from ppt2v.progress import bars, counted
from training.judge import pictures as judge
from training.pictures import moving

LEAST = 8  # pixels between beginning and end that count as motion


def direction(centres: np.ndarray) -> str:
    """The kind of motion, a key of ``moving.MOTIONS``, of a subject's centres ``[frames, 2]`` (x, y); "" for none."""
    ends = centres[-3:].mean(axis=0) - centres[:3].mean(axis=0)
    heights = np.convolve(centres[:, 1], np.ones(3) / 3, mode="valid")
    there_and_back = np.abs(np.diff(heights)).sum() - abs(heights[-1] - heights[0])
    if there_and_back > 2 * LEAST and there_and_back > np.abs(ends).max():
        return "bounce"
    x, y = ends
    if max(abs(x), abs(y)) < LEAST:
        return ""
    return ("right" if x > 0 else "left") if abs(x) > abs(y) else ("down" if y > 0 else "up")


class Verdict(NamedTuple):
    """Of one clip: whether most frames show the right subject and place, it stays the same, and moves as asked."""

    subject: bool
    place: bool
    same: bool
    direction: bool


def judged(network: judge.Judge, frames: np.ndarray, asked: moving.Motion) -> Verdict:
    """``frames``: uint8 RGB ``[frames, 128, 128, 3]``."""
    subjects, places, centres = judge.verdict(network, frames)
    most = len(frames) / 2
    return Verdict(
        subjects.count(asked.middle.subject) > most,
        places.count(asked.middle.place) > most,
        len(set(subjects)) == 1,
        direction(centres) == asked.kind,
    )


def make(model: Model, file: Path, prompt: str, mode: str = "synthesize", **given) -> np.ndarray:
    """The frames that a model makes for a prompt, uint8 RGB."""
    return video.read(model.run(mode, prompt=prompt, save_path=file, **given), multiple=1).frames[:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="the embedded one if not given")
    parser.add_argument("--motion-module", help="folder of the motion modules that make an image model one of clips")
    parser.add_argument("--clips", type=int, default=60)
    parser.add_argument("--engine", default="auto", choices=ENGINES)
    parser.add_argument("--dtype", help="float32, bfloat16, int8 ...; what is fastest if not given")
    args = parser.parse_args()
    given = {"model_name": args.model}
    if args.motion_module:
        given |= {"mode": "animate", "motion_module": args.motion_module}
    network, rng = judge.load(), np.random.default_rng(2027)
    model = Model("cpu", args.dtype, show_progress=False, engine=args.engine)
    asked = [moving.sample(rng, for_judge=True) for _ in range(args.clips)]
    verdicts = []
    with bars(True) as watch, tempfile.TemporaryDirectory() as folder:
        for number, motion in counted(list(enumerate(asked)), len(asked), "Clips", watch):
            prompt = moving.caption(rng, motion)
            frames = make(model, Path(folder) / f"{number}.mp4", prompt, seed=number, **given)
            verdicts.append(judged(network, frames, motion))
            if not all(verdicts[-1]):
                print(f"  {prompt!r}, seed {number}: {verdicts[-1]}")
    shares = Verdict(*np.mean(verdicts, axis=0))
    print(
        f"{args.clips} held-out captions: right subject {shares.subject:.1%}, right place {shares.place:.1%}, the "
        f"same subject in all frames {shares.same:.1%}, moves as the caption says {shares.direction:.1%}"
    )


if __name__ == "__main__":
    main()
