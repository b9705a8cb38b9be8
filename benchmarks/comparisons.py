"""What is compared with whom, at which size, and about how long that takes."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
from work import Work

# Fewer steps where a whole run takes long; time and memory of a step do not depend on their number.
CASES = {
    "text2video": Work("", "text2video"),
    "text2video-512": Work("", "text2video", frames=4, steps=4, size=512),
    "sdxl": Work("", "sdxl", frames=2, steps=2, size=512),
    "canny": Work("", "canny"),
    "pix2pix": Work("", "pix2pix"),
    "unet3d": Work("", "unet3d", frames=16, steps=3),
}
# What is measured of ppt2v without another side.
ALONE = ("merging", "lengths", "limit", "start-up")
DIFFUSERS = {"float32": "diffusers", "bfloat16": "diffusers-bf16"}
PPDIFFUSERS_STEPS = {"text2video": 2, "unet3d": 1}  # several times slower than the others

# GFLOP of the networks for one frame of 256x256 in one branch of guidance (counted as in worker_limit.py), and the
# branches.
_GFLOP = {"text2video": 180, "sdxl": 300, "canny": 180 + 63, "pix2pix": 180, "unet3d": 305}
_BRANCHES = {"text2video": 2, "sdxl": 2, "canny": 2, "pix2pix": 3, "unet3d": 2}
# Speed over that of a float32 matrix product; measured with text2video.
_SPEED = {"float32": 0.7, "bfloat16": 1.4, "ppdiffusers": 0.17}
_START = 60  # seconds until the timed run begins: reading weights, exporting, a short run


def pairs(name: str, whom: str, precisions: list[str]) -> list[tuple[str, Work]]:
    """Whom a case is compared with (``against``) and the work for it, for "diffusers" or "ppdiffusers"."""
    work = CASES[name]
    if whom == "diffusers":
        return [(DIFFUSERS[precision], replace(work, precision=precision)) for precision in precisions]
    if name in PPDIFFUSERS_STEPS and "float32" in precisions:
        return [("ppdiffusers", replace(work, steps=PPDIFFUSERS_STEPS[name]))]
    return []


def machine_rate() -> float:
    """GFLOP/s of a float32 matrix product on this machine."""
    square = np.random.default_rng(0).standard_normal((2048, 2048), np.float32)
    rates = []
    for _ in range(5):
        start = time.perf_counter()
        square @ square
        rates.append(2 * 2.048**3 / (time.perf_counter() - start))
    return max(rates)


def estimate(against: str, work: Work, rounds: int, rate: float) -> float:
    """Seconds that a comparison takes, to within a factor of two."""
    passes = work.frames * work.steps * _BRANCHES[work.task]
    gflop = passes * _GFLOP[work.task] * (work.size / 256) ** 2.15
    other = _SPEED["ppdiffusers"] if against == "ppdiffusers" else _SPEED[work.precision]
    return rounds * (gflop / rate * (1 / _SPEED[work.precision] + 1 / other) + 2 * _START) + _START
