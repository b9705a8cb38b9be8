#!/usr/bin/env bash
# nncf 3.4.0, openvino 2026.4.1 (CPU plugin); numpy 2.2.6
#
# Guess:   nncf.compress_weights(network) leaves its argument alone, as nncf.quantize does: both return the network that one uses.
# Reality: compress_weights rewrites the network it is given and returns the same object; quantize works on a copy.
# Seen:    quantize: another object, the given network's output changes by 0; compress_weights: the same object, the given network's output
#          changes by 0.0219, like the compressed one's, its weights are i8, and stay so when INT4_SYM is asked for next
# Matters: "compare the original with the compressed one, keep the smaller if it is good enough" compares a network with itself, finds a difference of
#          exactly 0, and the fallback to the original is compressed, too. Another way, tried next on the same network, does nothing.
# Holds:   on any processor.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 openvino==2026.4.1 nncf==3.4.0
"$folder/venv/bin/python" - 2> "$folder/log" <<'PY' || { cat "$folder/log"; exit 1; }
import logging
import sys

import nncf
import numpy as np
import openvino
from openvino import opset13 as op

nncf.set_log_level(logging.ERROR)
CORE, SIDE = openvino.Core(), 64
INPUT = np.random.default_rng(1).standard_normal((4, SIDE)).astype(np.float32)


def network() -> openvino.Model:
    random, parameter = np.random.default_rng(0), op.parameter([4, SIDE])
    x = parameter
    for _ in range(2):
        weight = op.constant(random.standard_normal((SIDE, SIDE)).astype(np.float32) / 8)
        x = op.tanh(op.matmul(x, weight, False, True))
    return openvino.Model([x], [parameter], "products")


def output(model: openvino.Model) -> np.ndarray:
    return CORE.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(INPUT)[0]


def widths(model: openvino.Model) -> set[str]:
    """The types of its weights."""
    constants = (node for node in model.get_ops() if node.get_type_name() == "Constant" and np.prod(list(node.shape)) == SIDE * SIDE)
    return {node.get_element_type().to_string() for node in constants}


def compressed(given: openvino.Model, mode: str = "INT8_SYM") -> openvino.Model:
    groups = {} if mode == "INT8_SYM" else {"group_size": SIDE // 2, "all_layers": True}
    return nncf.compress_weights(given, mode=nncf.CompressWeightsMode[mode], **groups)


def seen(treat) -> tuple[bool, float, float, set[str]]:
    given = network()
    before = output(given)
    returned = treat(given)
    changes = [float(abs(output(model) - before).max()) for model in (given, returned)]
    return returned is given, *changes, widths(given)


results = {
    "quantize": seen(lambda given: nncf.quantize(given, nncf.Dataset([INPUT]))),
    "compress_weights": seen(compressed),
}
for name, (same, given, returned, kinds) in results.items():
    print(f"{name}: the same object: {same}; outputs change by {given:.4f} (given), {returned:.4f} (returned); the given one's weights: {sorted(kinds)}")
again = widths(compressed(compressed(network()), "INT4_SYM"))
fresh = widths(compressed(network(), "INT4_SYM"))
print(f"INT4_SYM after INT8_SYM: {sorted(again)}; INT4_SYM at once: {sorted(fresh)}")
quantized, eight = results.values()
alone = not quantized[0] and quantized[1] == 0 and quantized[2] > 0 and quantized[3] == {"f32"}
if not alone or not eight[0] or not eight[1] == eight[2] > 0 or eight[3] != {"i8"} or again != {"i8"} or fresh != {"i4"}:
    sys.exit("the behaviour has changed")
PY
