#!/usr/bin/env bash
# openvino 2026.4.1, CPU plugin; numpy 2.2.6
#
# Guess:   a network whose inputs, constants and outputs are declared int64 computes with 64 bits; a Reshape, at any rate, moves values.
# Reality: the CPU plugin runs integers of 64 bits as 32 and widens the result again. What does not fit is cut to its lower half, even
#          where nothing is computed. The output is int64 and has the declared name; nothing is said at compile time or at run time.
#          (Converting to f32 first is right: there the input is still read with 64 bits.)
# Seen:    3,000,000,000 and 2 ** 53 through Reshape and through x + 0: -1294967296 and 0; x > 0: both False; as f32: right
# Matters: seeds, hashes of prompts, time stamps in nanoseconds or in 1/90,000 s beyond 6 hours, offsets into flattened latents. The
#          ONNX or Paddle model that was exported is right, its tests with small numbers pass, and the large ones wrap.
# Holds:   on any processor of the CPU plugin.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 openvino==2026.4.1
"$folder/venv/bin/python" - <<'PY'
import sys
from collections.abc import Callable

import numpy as np
import openvino as ov
from openvino import opset13 as op


def answer(operation: Callable[[ov.Node], ov.Node]) -> np.ndarray:
    """What one operation makes of two numbers that need more than 32 bits."""
    parameter = op.parameter([2], np.int64, name="x")
    network = ov.Core().compile_model(ov.Model([operation(parameter)], [parameter], "integers"), "CPU")
    return network(np.array([3_000_000_000, 2**53], np.int64))[0].ravel()


zero = op.constant(np.array(0, np.int64))
seen = {
    "reshape": answer(lambda x: op.reshape(x, op.constant(np.array([2, 1], np.int64)), False)),
    "x + 0": answer(lambda x: op.add(x, zero)),
    "x > 0": answer(lambda x: op.greater(x, zero)),
    "as f32": answer(lambda x: op.convert(x, "f32")),
}
for name, values in seen.items():
    print(f"{name}: {values.dtype} {values.tolist()}")
wrapped = [-1294967296, 0]
right = seen["as f32"].tolist() == [3e9, float(2**53)]
if seen["reshape"].dtype != np.int64 or any(seen[name].tolist() != wrapped for name in ("reshape", "x + 0")):
    sys.exit("the behaviour has changed")
if seen["x > 0"].tolist() != [False, False] or not right:
    sys.exit("the behaviour has changed")
PY
