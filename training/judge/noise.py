"""Compares shared noise with noise of each frame's own when clips are edited with the embedded instruct-pix2pix.

    python -m training.judge.noise                     # prints a table

Flicker and warp error (``ppt2v.quality``) are in levels of 255; the clip itself is the first line. An edit is done
where the judge sees the target in at least three quarters of the frames.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ppt2v import video
from ppt2v.modes import MODES
from ppt2v.pipelines.denoising.noise import Noise
from ppt2v.progress import bars, counted
from ppt2v.quality import metrics
from training.judge import pictures as judge
from training.judge.guided import Maker

CLIPS = Path(__file__).parents[2] / "__assets__" / "clips"
EDITS = (  # clip, instruction, what of the picture changes, and to what
    ("panda", "make it night", "place", "night"),
    ("panda", "turn it into a fox", "subject", "fox"),
    ("car", "put it in the snow", "place", "snow"),
    ("car", "turn it into a bus", "subject", "bus"),
    ("bear", "make it at sunset", "place", "sunset"),
    ("bear", "replace the bear with a lion", "subject", "lion"),
    ("elephant", "put it on the grass", "place", "grass"),
    ("elephant", "turn it into a horse", "subject", "horse"),
)
SETTINGS = {"shared": True, "each frame's own": False}


class Figures(NamedTuple):
    """Of one clip: flicker and warp error in levels of 255, motion in percent of the diagonal, share of edits done."""

    flicker: float
    warp_error: float
    motion: float
    done: float = np.nan


def measure(frames: np.ndarray, done: float = np.nan) -> Figures:
    """The figures of frames, uint8 RGB ``[F, H, W, 3]``."""
    change = metrics.changes(frames)
    return Figures(255 * change.flicker.mean(), 255 * np.nanmean(change.warp_error), change.motion.mean(), done)


def edit_done(critic: judge.Judge, frames: np.ndarray, kind: str, target: str) -> bool:
    """Whether most frames show the target."""
    subjects, places, _ = judge.verdict(critic, frames)
    return np.mean([seen == target for seen in {"subject": subjects, "place": places}[kind]]) >= 0.75


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--edits", type=int, default=len(EDITS), help="how many of the edits")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--frames", type=int, default=8)
    args = parser.parse_args()
    pipeline, arguments = Maker().ready(MODES["pix2pix"])
    critic, tasks = judge.load(), [(*edit, seed) for edit in EDITS[: args.edits] for seed in range(args.seeds)]
    clips = {name: video.read(CLIPS / f"{name}.mp4", multiple=1).frames[: args.frames] for name, *_ in tasks}
    found = {"the clip itself": [measure(clips[name]) for name, *_ in tasks], **{name: [] for name in SETTINGS}}
    with bars(True) as watch:
        for clip, prompt, kind, target, seed in counted(tasks, len(tasks), "Clips", watch):
            for name, shared in SETTINGS.items():
                own = {"prompt": prompt, "frames": clips[clip], "shared_noise": shared}
                frames = np.stack(list(pipeline.decode(pipeline(noise=Noise(seed), **{**arguments, **own}))))
                found[name].append(measure(frames, edit_done(critic, frames, kind, target)))
    print(f"{len(tasks)} clips of {args.frames} frames")
    print("| noise | flicker | warp error | motion, % of the diagonal | edit done |\n|---|---|---|---|---|")
    for name, figures in found.items():
        flicker, warp_error, motion, done = np.mean(figures, axis=0)
        shown = "" if np.isnan(done) else f"{done:.0%}"
        print(f"| {name} | {flicker:.2f} | {warp_error:.2f} | {motion:.2f} | {shown} |")


if __name__ == "__main__":
    main()
