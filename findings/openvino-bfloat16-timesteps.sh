#!/usr/bin/env bash
# openvino 2026.4.1, CPU plugin, INFERENCE_PRECISION_HINT bf16; numpy 2.2.6
#
# Guess:   bfloat16 costs two to three digits: the sines and cosines of a timestep embedding, between -1 and 1, are right to about 0.01.
# Reality: the ANGLES are rounded first. A timestep of 981 has no room in 8 bits (980 or 984), so the error of the fastest frequencies
#          is a part of the circle, not of the value.
# Seen:    t = 981, 320 wide: largest error in float32 3.6e-05, in bfloat16 1.99, of values between -1 and 1
# Matters: the embedding tells every block of the UNet how much noise there is. A network exported with the sinusoids inside samples
#          with wrong times on the processors whose default precision is bfloat16, and only there. Compute them outside, in float32.
# Holds:   on processors for which OpenVINO lists BF16 (avx512_bf16, AMX); elsewhere said to be not applicable.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 openvino==2026.4.1
"$folder/venv/bin/python" - <<'PY'
import sys

import numpy as np
import openvino as ov
from openvino import opset13 as op

core = ov.Core()
if "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
    print("not applicable here: no bfloat16")
    sys.exit(0)
frequencies = np.exp(-np.log(10000.0) * np.arange(160) / 160)
timestep = op.parameter([1, 1], np.float32)
angles = op.matmul(timestep, op.constant(frequencies[None].astype(np.float32)), False, False)
embedding = op.concat([op.cos(angles), op.sin(angles)], 1)
projection = op.matmul(embedding, op.constant(np.eye(320, dtype=np.float32)), False, False)
model = ov.Model([projection], [timestep], "embedding")
exact = np.concatenate([np.cos(981 * frequencies), np.sin(981 * frequencies)])
errors = {}
for precision in ("f32", "bf16"):
    network = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": precision})
    errors[precision] = float(np.abs(network(np.array([[981]], np.float32))[0][0] - exact).max())
print("largest errors of the embedding of t = 981:", errors)
if errors["f32"] > 0.001 or errors["bf16"] < 0.5:
    sys.exit("the behaviour has changed")
PY
