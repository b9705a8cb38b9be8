#!/usr/bin/env bash
# openvino 2026.4.1, Python interface, CPU plugin; numpy 2.2.6
#
# Guess:   NumPy has no bfloat16, so an output of that type arrives as float32, as ml_dtypes' bfloat16, or not at all.
# Reality: it arrives as a float16 array that is nothing but the 16 bits, read as the other format. Signs, order and rough size are
#          right, zero is zero, there is no NaN and no warning. An input of type bf16 takes a float16 array in the same way, by its
#          bits (and refuses float32).
# Seen:    0, 1, 2, 3, -0.5, 100 come out as 0, 1.875, 2, 2.125, -1.75, 3.39; the bits shifted into float32 give the right numbers;
#          float16 1, 2, 3 go in as 0.0078, 2, 32
# Matters: a network exported with bfloat16 weights or outputs, half the copying for latents. The values look like latents (they are all
#          of the order of 1), the dtype says what one asked for (16 bits), and the video is grey soup. Convert to f32 as the network's last
#          step, or view the bits.
# Holds:   on any processor: the network does no arithmetic but this conversion.
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


def answer(given: str, asked: str, values: np.ndarray) -> np.ndarray:
    """The values through a network that only converts one type to another."""
    parameter = op.parameter([len(values)], getattr(ov.Type, given), name="x")
    network = ov.Core().compile_model(ov.Model([op.convert(parameter, asked)], [parameter], "convert"), "CPU")
    output = network(values)[0]
    print(f"{values.dtype} {values.tolist()} into {given}, converted to {asked}: {output.dtype} {output.tolist()}")
    return output


values = np.array([0, 1, 2, 3, -0.5, 100], np.float32)
output = answer("f32", "bf16", values)
bits = (output.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
print("the bits of this as bfloat16:", bits.tolist())
taken = answer("bf16", "f32", np.array([1, 2, 3], np.float16))
if output.dtype != np.float16 or output.tolist() != [0, 1.875, 2, 2.125, -1.75, 3.390625]:
    sys.exit("the behaviour has changed")
if bits.tolist() != values.tolist() or taken.tolist() != [0.0078125, 2, 32]:
    sys.exit("the behaviour has changed")
PY
