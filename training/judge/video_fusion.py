"""Measures VideoFusion models: the figures of ``judge.video``, and what base and residual noise each decide.

    python -m training.judge.video_fusion embedded/videofusion
    python -m training.judge.video_fusion OUT/video_fusion-0.1 OUT/video_fusion-0.5    # of a sweep (sweep.sh)

Errors on held-out clips are printed where the training has left them beside the model's folder.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

import ppt2v  # noqa: F401  # isort: split  # before Paddle, so that it uses all cores
from ppt2v import Model
from ppt2v.engine.choice import ENGINES
from ppt2v.progress import bars, counted
from training.judge import pictures as judge
from training.judge.video import Verdict, judged, make
from training.pictures import moving

OTHER = 1000  # added to a seed, it makes another one


class Figures(NamedTuple):
    """Of one model; ``same_base`` and ``other_base``: by how many levels of 255 two clips of a prompt differ whose
    residual noise is not the same, and whose base noise is, or is not."""

    verdict: Verdict
    same_base: float
    other_base: float

    def __str__(self) -> str:
        shares = self.verdict
        return (
            f"right subject {shares.subject:.1%}, right place {shares.place:.1%}, same subject in all frames "
            f"{shares.same:.1%}, moves as the caption says {shares.direction:.1%}; clips of the same base noise "
            f"differ by {self.same_base:.1f} levels, of other base noise by {self.other_base:.1f}"
        )


def clips(model: Model, name: str, prompt: str, seed: int, **given) -> Iterator[np.ndarray]:
    """A clip, one of the same base noise, and one of other noise altogether."""
    seeds = (seed, seed), (seed + OTHER, seed), (seed + OTHER, seed + OTHER)
    with tempfile.TemporaryDirectory() as folder:
        for own, content in seeds:
            file = Path(folder) / f"{own}-{content}.mp4"
            yield make(model, file, prompt, model_name=name, seed=own, content_seed=content, **given)


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """The mean absolute difference of two clips, in levels of 255."""
    return float(np.abs(one.astype(float) - other).mean())


def measure(network: judge.Judge, model: Model, name: str, count: int, **given) -> Figures:
    """The figures of a model over ``count`` held-out captions."""
    rng = np.random.default_rng(2027)
    asked = [moving.sample(rng, for_judge=True) for _ in range(count)]
    verdicts, same, other = [], [], []
    with bars(True) as watch:
        for number, motion in counted(list(enumerate(asked)), count, name, watch):
            first, second, third = clips(model, name, moving.caption(rng, motion), number, **given)
            verdicts.append(judged(network, first, motion))
            same.append(difference(first, second))
            other.append(difference(first, third))
    return Figures(Verdict(*np.mean(verdicts, axis=0)), float(np.median(same)), float(np.median(other)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+")
    parser.add_argument("--clips", type=int, default=20)
    parser.add_argument("--steps", type=int, help="the model's own if not given")
    parser.add_argument("--engine", default="auto", choices=ENGINES)
    args = parser.parse_args()
    network, model = judge.load(), Model("cpu", show_progress=False, engine=args.engine)
    for name in args.models:
        errors = Path(f"{name}.json")
        if errors.exists():
            print(f"{name}: {json.loads(errors.read_text())}")
        print(f"{name}: {measure(network, model, name, args.clips, num_inference_steps=args.steps)}", flush=True)


if __name__ == "__main__":
    main()
