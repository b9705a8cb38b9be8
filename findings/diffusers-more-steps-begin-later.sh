#!/usr/bin/env bash
# diffusers 0.42.1, torch 2.13.0 (on the CPU), numpy 2.2.6
#
# Guess:   sampling begins at the noisiest level, about 999 of 1,000, whatever the number of steps; more steps come nearer to the truth.
# Reality: with timestep_spacing "leading" (Stable Diffusion's and XL's) the levels are multiples of floor(1000 / steps), and what the division leaves
#          over is cut off at the noisy end: up to half of the way. The start is pure noise all the same. DPM++ and UniPC divide by steps + 1: what
#          divides 1,000 is worst there.
# Seen:    first level with 50, 60, 100, 250, 334, 400, 501 steps: DDIM, PNDM and Euler 981, 945, 991, 997, 667, 799, 501; DPM++ multistep and UniPC 951,
#          961, 901, 751, 669, 801, 502. With a perfect model of pictures of mean 1, DDIM's have 0.955 after 50 steps, 0.946 after 60, 0.893 after 400,
#          0.823 after 334, 0.696 after 501.
# Matters: the model is told that pure noise is a picture half made: bright and dark subjects come out pale. A reference of "hundreds of steps, to be
#          sure" is worse than 50 steps, and comparisons of samplers or of step counts measure this. "trailing" and "linspace" begin at 999 always.
# Holds:   on any processor; a model by formula, no network.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 torch==2.13.0 diffusers==0.42.1
"$folder/venv/bin/python" - <<'PY'
import sys

import diffusers
import torch

SCHEDULE = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "timestep_spacing": "leading", "steps_offset": 1}
STEPS = (50, 60, 100, 250, 334, 400, 501)
FIRST = {
    "DDIM": (981, 945, 991, 997, 667, 799, 501),
    "PNDM": (981, 945, 991, 997, 667, 799, 501),
    "EulerDiscrete": (981, 945, 991, 997, 667, 799, 501),
    "DPMSolverMultistep": (951, 961, 901, 751, 669, 801, 502),
    "UniPCMultistep": (951, 961, 901, 751, 669, 801, 502),
}
MEAN, DEVIATION = 1.0, 0.5


def first_level(sampler, steps: int) -> int:
    sampler.set_timesteps(steps)
    return int(sampler.timesteps[0])


def mean_of_pictures(steps: int) -> float:
    """Of 20,000 one-pixel pictures by DDIM, whose model knows that pixels are normal with MEAN and DEVIATION."""
    sampler = diffusers.DDIMScheduler(**SCHEDULE, clip_sample=False, set_alpha_to_one=False)
    sampler.set_timesteps(steps)
    x = torch.randn(20000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for level in sampler.timesteps:
        signal = sampler.alphas_cumprod[level].double()
        noise = (1 - signal).sqrt() * (x - signal.sqrt() * MEAN) / (signal * DEVIATION**2 + 1 - signal)
        x = sampler.step(noise, level, x).prev_sample
    return float(x.mean())


firsts = {name: tuple(first_level(getattr(diffusers, f"{name}Scheduler")(**SCHEDULE), steps) for steps in STEPS) for name in FIRST}
print("steps", STEPS)
for name, levels in firsts.items():
    print(name, levels)
spacings = [first_level(diffusers.DDIMScheduler(**{**SCHEDULE, "timestep_spacing": spacing}), 334) for spacing in ("trailing", "linspace")]
print("334 steps, trailing and linspace:", spacings)
means = {steps: round(mean_of_pictures(steps), 3) for steps in STEPS}
print("mean of pictures:", means)
if firsts != FIRST or spacings != [999, 999] or not means[501] < means[334] < means[400] < 0.9 < means[60] < means[50] < means[100]:
    sys.exit("the behaviour has changed")
PY
