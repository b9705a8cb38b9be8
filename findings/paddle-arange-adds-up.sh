#!/usr/bin/env bash
# paddlepaddle 3.3.1 on the CPU; numpy 2.2.6
#
# Guess:   element i of arange(start, end, step) is start + i * step, rounded once, as in NumPy and PyTorch.
# Reality: in float32 the step is added to the last element, over and over, and the rounding errors with it. linspace does not do so, and
#          a step that float32 holds exactly (1, 0.5, 1/64) shows nothing.
# Seen:    the last element of arange(0, 1000, 0.1) is 999.803, where 999.9 is right: a whole step; of arange(0, 100, 0.01) half a step;
#          rounded once, the error would be 0.00003; arange(10000) * 0.1 and linspace are right
# Matters: times of frames and samples, positions, angles and grids of coordinates: all are long, with such steps. A sound that is cut at
#          such times is off by 0.1 s in 1,000 s; a table made in NumPy or PyTorch differs most at its end, where tests of a few elements end.
# Holds:   on any processor.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 setuptools==80.9.0 paddlepaddle==3.3.1
GLOG_minloglevel=2 "$folder/venv/bin/python" - <<'PY'
import sys

import numpy as np
import paddle

paddle.device.set_device("cpu")


def in_steps(values: paddle.Tensor, end: float, step: float) -> float:
    """The largest error of values against NumPy's float64, in steps."""
    return float(np.abs(values.numpy() - np.arange(0, end, step)).max() / step)


errors = {}
for end, step in ((1000.0, 0.1), (100.0, 0.01), (1000.0, 1 / 64)):
    values = paddle.arange(0, end, step)
    errors[end, step] = in_steps(values, end, step)
    print(f"arange(0, {end:g}, {step:g}): {values.dtype}, last {float(values[-1]):.4f}, wrong by up to {errors[end, step]:.4f} steps")
product = in_steps(paddle.arange(10000).astype("float32") * 0.1, 1000.0, 0.1)
line = in_steps(paddle.linspace(0, 999.9, 10000), 1000.0, 0.1)
rounded = float(np.abs(np.arange(0, 1000, 0.1).astype(np.float32) - np.arange(0, 1000, 0.1)).max() / 0.1)
print(f"arange(10000) * 0.1: {product:.4f} steps; linspace: {line:.4f}; rounded once: {rounded:.4f}")
if errors[1000.0, 0.1] < 0.5 or errors[100.0, 0.01] < 0.2 or errors[1000.0, 1 / 64] != 0 or max(product, line, rounded) > 0.01:
    sys.exit("the behaviour has changed")
PY
