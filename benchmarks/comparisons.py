"""What is compared with whom, at which size, and about how long that takes."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from work import AUTO, Work

# Fewer steps where a whole run takes long; time and memory of a step do not depend on their number.
CASES = {
    "text2video": Work("", "text2video"),
    "text2video-512": Work("", "text2video", frames=4, steps=4, size=512),
    "sdxl": Work("", "sdxl", frames=2, steps=2, size=512),
    "canny": Work("", "canny"),
    "pix2pix": Work("", "pix2pix"),
    "animate": Work("", "animate", frames=16, steps=3),
    "unet3d": Work("", "unet3d", frames=16, steps=3),
}
# What is measured of ppt2v without another side.
ALONE = ("merging", "lengths", "limit", "disk", "start-up")
# The precisions of ppt2v: in the first two the other side computes in the same; in the others, which people use, in
# that of the first two in which it is faster.
DIFFUSERS = {"float32": "diffusers", "bfloat16": "diffusers-bf16"}
BEST, BEST_OF = "diffusers-best", (AUTO, "int8")
PPDIFFUSERS_STEPS = {"text2video": 2, "unet3d": 1}  # several times slower than the others

# GFLOP of the networks for one frame of 256x256 in one branch of guidance (counted as in worker_limit.py; that of
# animate by the times of its calls), and the branches.
_GFLOP = {"text2video": 180, "sdxl": 300, "canny": 180 + 63, "pix2pix": 180, "animate": 230, "unet3d": 305}
_BRANCHES = {"text2video": 2, "sdxl": 2, "canny": 2, "pix2pix": 3, "animate": 2, "unet3d": 2}
# Speed over that of a float32 matrix product; measured with text2video.
_SPEED = {"float32": 0.7, "bfloat16": 1.4, AUTO: 1.4, "int8": 2.2, "ppdiffusers": 0.17}
_START = 60  # seconds until the timed run begins: reading weights, exporting, a short run


class Comparison(NamedTuple):
    """Whom ppt2v is compared with, and its own works, which take turns with one of the other side."""

    name: str
    against: str
    works: tuple[Work, ...]


def comparisons(name: str, whom: str, precisions: list[str]) -> list[Comparison]:
    """Those of a case with "diffusers" or "ppdiffusers", in the precisions that are wanted."""
    work = CASES[name]
    if whom == "ppdiffusers":
        if name not in PPDIFFUSERS_STEPS or "float32" not in precisions:
            return []
        return [Comparison(name, whom, (replace(work, steps=PPDIFFUSERS_STEPS[name]),))]
    found = [
        Comparison(name, against, (replace(work, precision=precision),))
        for precision, against in DIFFUSERS.items()
        if precision in precisions
    ]
    best = tuple(replace(work, precision=precision) for precision in BEST_OF if precision in precisions)
    return [*found, Comparison(name, BEST, best)] if best else found


def machine_rate() -> float:
    """GFLOP/s of a float32 matrix product on this machine."""
    square = np.random.default_rng(0).standard_normal((2048, 2048), np.float32)
    rates = []
    for _ in range(5):
        start = time.perf_counter()
        square @ square
        rates.append(2 * 2.048**3 / (time.perf_counter() - start))
    return max(rates)


def estimate(comparison: Comparison, rounds: int, rate: float) -> float:
    """Seconds that a comparison takes, to within a factor of two."""
    work = comparison.works[0]
    gflop = work.frames * work.steps * _BRANCHES[work.task] * _GFLOP[work.task] * (work.size / 256) ** 2.15
    other = "ppdiffusers" if comparison.against == "ppdiffusers" else work.precision
    speeds = [_SPEED[other], *(_SPEED[work.precision] for work in comparison.works)]
    return rounds * sum(gflop / rate / speed + _START for speed in speeds) + _START * len(comparison.works)
