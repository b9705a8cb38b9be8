#!/usr/bin/env bash
# openvino 2026.4.1 (CPU plugin), onnx 1.23.2, onnxruntime 1.32.0 (for comparison); numpy 2.2.6
#
# Guess:   what OpenVINO reads from an ONNX file it computes as ONNX says, or it refuses the node.
# Reality: three attributes that Resize has since opset 11 and 18 are passed over without a word: antialias, exclude_outside and
#          keep_aspect_ratio_policy. The network compiles and makes another picture, or one of another size.
# Seen:    lines of one pixel in four, reduced by four with antialias=1: 0.25 everywhere but at the borders in ONNX Runtime, 0 in OpenVINO,
#          as without it; 12x16 fitted into 6x6 ("not_larger"): 5x6 and 6x6; exclude_outside=1, enlarged twice: 0.018 of 1 apart at the border
# Matters: reducing with antialias is the first node of networks for depth, poses and image embeddings, exported with their preparation. Fine
#          textures come in as moire, in a video as flicker, while sizes and types are right; a smooth test picture shows nothing.
# Holds:   on any processor.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 onnx==1.23.2 onnxruntime==1.32.0 openvino==2026.4.1
"$folder/venv/bin/python" - <<'PY'
import sys

import numpy as np
import onnx
import onnxruntime
import openvino
from onnx import TensorProto, helper, numpy_helper

CORE = openvino.Core()


def resized(picture: np.ndarray, size: tuple[int, int], **attributes) -> tuple[np.ndarray, np.ndarray]:
    """A picture [height, width], resized by ONNX Runtime and by OpenVINO in float32."""
    node = helper.make_node("Resize", ["x", "", "", "size"], ["y"], axes=[2, 3], **attributes)
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in (("x", [1, 1, *picture.shape]), ("y", [None] * 4))]
    graph = helper.make_graph([node], "resize", ends[:1], ends[1:], [numpy_helper.from_array(np.array(size), "size")])
    network = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(network)
    file, x = network.SerializeToString(), picture[None, None].astype(np.float32)
    (by_runtime,) = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"]).run(None, {"x": x})
    compiled = CORE.compile_model(CORE.read_model(file), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return by_runtime[0, 0], compiled([x])[0][0, 0]


lines = np.zeros((32, 32))
lines[:, ::4] = 1
noise = np.random.default_rng(0).random((12, 16))
smooth, lost = resized(lines, (8, 8), mode="linear", antialias=1)
plain = resized(lines, (8, 8), mode="linear")
print(f"lines reduced with antialias: ONNX Runtime {smooth[4, 4]:.2f}, OpenVINO {lost[4, 4]:.2f}; without: {plain[0][4, 4]:.2f}, {plain[1][4, 4]:.2f}")
fitted = [picture.shape for picture in resized(noise, (6, 6), mode="linear", keep_aspect_ratio_policy="not_larger")]
print("12x16 fitted into 6x6:", *fitted)
borders = resized(noise, (24, 32), mode="cubic", cubic_coeff_a=-0.5, exclude_outside=1)
with_borders = resized(noise, (24, 32), mode="cubic", cubic_coeff_a=-0.5)
apart = [float(abs(a - b).max()) for a, b in (borders, with_borders)]
print(f"exclude_outside: {apart[0]:.3f} apart; without: {apart[1]:.6f}")
agree = np.allclose(*plain, atol=1e-5) and apart[1] < 1e-4
if not agree or abs(smooth[4, 4] - 0.25) > 0.01 or lost.any() or fitted != [(5, 6), (6, 6)] or apart[0] < 0.01:
    sys.exit("the behaviour has changed")
PY
