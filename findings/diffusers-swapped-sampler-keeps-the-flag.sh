#!/usr/bin/env bash
# diffusers 0.42.1, torch 2.13.0 (on the CPU), numpy 2.2.6
#
# Guess:   a sampler made by `from_config` from that of a model with zero terminal SNR either starts from pure noise as well, or says that
#          it does not know `rescale_betas_zero_snr`; its own `config` tells which.
# Reality: six of the samplers that `compatibles` names have no such parameter. They compute the plain schedule, without a warning, and
#          still carry `rescale_betas_zero_snr: True` in their config, as if they had obeyed.
# Seen:    DDIM's last cumulative alpha is 0; Euler and DPM++ multistep made from it have 6e-8 (sigma 4096); Heun, DPM2, DPM2 ancestral,
#          DPM++ singlestep, DEIS and PNDM have 0.00466 (sigma 14.6); the flag is True in all of them
# Matters: models trained for zero SNR (v-prediction at SD 2.x, SDXL derivatives, ModelScope-like video models with trailing spacing) give
#          grey, low-contrast frames under these samplers: the first step believes that half a percent of the picture is there already.
#          To read the flag, or to print the config, shows nothing; alphas_cumprod does.
# Holds:   on any processor: schedules alone, no network.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 torch==2.13.0 diffusers==0.42.1
"$folder/venv/bin/python" - <<'PY' 2>&1 | tee "$folder/output"
import sys
import warnings

import diffusers

OBEYS = ("EulerDiscrete", "DPMSolverMultistep")
IGNORES = ("HeunDiscrete", "KDPM2Discrete", "KDPM2AncestralDiscrete", "DPMSolverSinglestep", "DEISMultistep", "PNDM")

model = diffusers.DDIMScheduler(
    beta_schedule="scaled_linear",
    beta_start=0.00085,
    beta_end=0.012,
    prediction_type="v_prediction",
    rescale_betas_zero_snr=True,
    timestep_spacing="trailing",
)
print("DDIM", float(model.alphas_cumprod[-1]))
named = {kind.__name__ for kind in model.compatibles}
changed = float(model.alphas_cumprod[-1]) != 0
for name in (*OBEYS, *IGNORES):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        sampler = getattr(diffusers, f"{name}Scheduler").from_config(model.config)
    told = [str(each.message) for each in told if "zero_snr" in str(each.message)]
    last, flag = float(sampler.alphas_cumprod[-1]), sampler.config.rescale_betas_zero_snr
    print(f"{name:24s} last cumulative alpha {last:.2g}, flag {flag}, warnings of it {len(told)}")
    changed |= flag is not True or bool(told) or f"{name}Scheduler" not in named or (last < 1e-6) != (name in OBEYS)
sys.exit("the behaviour has changed" if changed else 0)
PY
if grep -q "zero_snr.*will be ignored" "$folder/output"; then
  echo "the behaviour has changed"
  exit 1
fi
