#!/usr/bin/env bash
# openvino 2026.4.1 (CPU plugin), onnx 1.23.2, onnxruntime 1.32.0 (for comparison); numpy 2.2.6
#
# Guess:   two nodes RandomNormalLike without a seed are two draws: ONNX says that each gets a seed of its own.
# Reality: OpenVINO makes one of all those that hang on the same tensor, or, where sizes are dynamic, on tensors of the same shape: every node
#          gives the same numbers, in each run new ones. RandomUniformLike and RandomNormal (of a fixed shape) are not merged, nor in ONNX Runtime any.
# Seen:    three noises, one behind Relu, two behind Sigmoid, sizes dynamic: correlations of 1.000 and 1.000 with the first; sizes fixed: the two behind
#          Sigmoid are one; also with a mean and scale (10, 2) on one of them; RandomUniformLike and ONNX Runtime: below 0.1
# Matters: torch.randn_like is exported as this node. A stochastic sampler or VAE in the graph, a generator with noise in each layer, a vocoder with noise in
#          its durations and its voice: all draws move together, and the variance of a sum of two is 4 instead of 2. Each alone is of the
#          right mean and deviation, and differs from run to run, so that a test of one output passes.
# Holds:   on any processor; correlations of 16,384 numbers.
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
from onnx import TensorProto, helper

CORE = openvino.Core()
FIXED, DYNAMIC = [1, 4, 64, 64], ["batch", 4, "height", "width"]
OUTPUTS = ("noise", "other", "scaled")
PICTURE = np.zeros(FIXED, np.float32)


def network(kind: str, shape: list[int | str], scaled: dict[str, float]) -> bytes:
    """Three random nodes: like x behind Relu, and twice like x behind Sigmoid, the last one with these attributes."""
    nodes = [
        helper.make_node("Relu", ["x"], ["positive"]),
        helper.make_node("Sigmoid", ["x"], ["between"]),
        helper.make_node(kind, ["positive"], ["noise"]),
        helper.make_node(kind, ["between"], ["other"]),
        helper.make_node(kind, ["between"], ["scaled"], **scaled),
    ]
    x, *ends = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("x", *OUTPUTS))
    model = helper.make_model(helper.make_graph(nodes, "noises", [x], ends), opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def correlations(first: np.ndarray, second: np.ndarray, third: np.ndarray) -> list[float]:
    """Of the first and second, the first and third, the second and third."""
    return [round(float(np.corrcoef(a.ravel(), b.ravel())[0, 1]), 3) for a, b in ((first, second), (first, third), (second, third))]


def by_openvino(kind: str, shape: list[int | str], **scaled: float) -> tuple[list[float], bool]:
    """The correlations, and whether a second run gives other numbers."""
    compiled = CORE.compile_model(CORE.read_model(network(kind, shape, scaled)), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    runs = []
    for _ in range(2):
        results = compiled([PICTURE])
        runs.append([results[place].copy() for place in range(len(OUTPUTS))])
    return correlations(*runs[0]), bool((runs[0][0] != runs[1][0]).mean() > 0.99)


def by_runtime(shape: list[int | str]) -> list[float]:
    session = onnxruntime.InferenceSession(network("RandomNormalLike", shape, {}), providers=["CPUExecutionProvider"])
    return correlations(*session.run(list(OUTPUTS), {"x": PICTURE}))


dynamic, fresh = by_openvino("RandomNormalLike", DYNAMIC)
fixed, _ = by_openvino("RandomNormalLike", FIXED)
scaled, _ = by_openvino("RandomNormalLike", DYNAMIC, mean=10.0, scale=2.0)
uniform, _ = by_openvino("RandomUniformLike", DYNAMIC)
runtime = by_runtime(DYNAMIC)
print("OpenVINO, RandomNormalLike, dynamic sizes:", dynamic, "other numbers in a second run:", fresh)
print("OpenVINO, RandomNormalLike, fixed sizes:", fixed)
print("OpenVINO, RandomNormalLike, the last with mean and scale:", scaled)
print("OpenVINO, RandomUniformLike:", uniform)
print("ONNX Runtime, RandomNormalLike:", runtime)
one = min(*dynamic, *scaled, fixed[2]) > 0.999
if not one or not fresh or max(map(abs, (*uniform, *runtime, *fixed[:2]))) > 0.1:
    sys.exit("the behaviour has changed")
PY
