#!/usr/bin/env bash
# openvino 2026.4.1, Python interface; onnx 1.23.2 and onnxruntime 1.32.0 (for comparison); numpy 2.2.6
#
# Guess:   an input of another type than the network's is refused, as ONNX Runtime does, or at least what loses digits is.
# Reality: arrays are cast with NumPy's astype, whatever is lost: fractions are cut off, integers wrap around. Nothing is said. (A plain list of
#          floats is refused.)
# Seen:    an int64 timestep given 999.7 and 946.42 computes with 999 and 946; a uint8 picture given 300 and -1 as int64 computes with 44 and
#          255; ONNX Runtime raises for both
# Matters: exporters write timesteps as int64, and Euler's and Karras' schedules have fractions: each step is computed for a slightly wrong level of
#          noise, the last ones, below 1, for none. A picture of the wrong type and range becomes noise instead of an error.
# Holds:   on any processor.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 onnx==1.23.2 onnxruntime==1.32.0 openvino==2026.4.1
"$folder/venv/bin/python" -W error - <<'PY'
import sys

import numpy as np
import onnxruntime
import openvino
from onnx import TensorProto, helper

CORE = openvino.Core()
CASES = {
    "timesteps, int64": (TensorProto.INT64, np.array([999.7, 946.42], np.float32), [999.0, 946.0]),
    "picture, uint8": (TensorProto.UINT8, np.array([300, -1]), [44.0, 255.0]),
}


def network(kind: int) -> bytes:
    """Tells its input, of this type, as float32."""
    ends = [helper.make_tensor_value_info(name, type_, [2]) for name, type_ in (("x", kind), ("y", TensorProto.FLOAT))]
    graph = helper.make_graph([helper.make_node("Cast", ["x"], ["y"], to=TensorProto.FLOAT)], "told", ends[:1], ends[1:])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9).SerializeToString()


def raises(call, *arguments) -> bool:
    try:
        call(*arguments)
    except Exception:
        return True
    return False


for name, (kind, given, expected) in CASES.items():
    file = network(kind)
    compiled = CORE.compile_model(CORE.read_model(file), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    told = compiled([given])[0].tolist()
    refused = raises(session.run, None, {"x": given})
    lists = kind != TensorProto.INT64 or raises(compiled, [given.tolist()])
    print(f"{name}: given {given.tolist()}, OpenVINO computes with {told}; ONNX Runtime raises: {refused}")
    if told != expected or not refused or not lists:
        sys.exit("the behaviour has changed")
PY
