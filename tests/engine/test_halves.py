"""Layers whose outcome is cut into halves: two layers, with the same outcome."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

pytest.importorskip("openvino")
if int(paddle.__version__.split(".")[0]) < 3:
    pytest.skip("the OpenVINO engine needs Paddle 3", allow_module_level=True)

from ppt2v.engine import halves
from ppt2v.environment.openvino import import_openvino

ov = import_openvino()
ops = ov.opset15

WEIGHTS = {
    "weight": np.random.default_rng(0).standard_normal((6, 4), np.float32),
    "bias": np.arange(6, dtype=np.float32),
}


def network(axis: int = -1, parts: int = 2, shared: bool = False) -> ov.Model:
    """A layer whose outcome is cut, the first part times what GELU makes of the last."""
    tokens = ops.parameter([6, 5, 4], np.float32)
    weight, bias = (ops.constant(array, name=name) for name, array in WEIGHTS.items())
    made = ops.add(ops.matmul(tokens, weight, False, True), bias)
    first, *_, last = ops.split(made, np.int64(axis), parts).outputs()
    results = [ops.result(ops.multiply(first, ops.gelu(last, "erf"))), *([ops.result(made)] if shared else [])]
    return ov.Model(results, [tokens])


def run(model: ov.Model) -> np.ndarray:
    tokens = np.random.default_rng(1).standard_normal((6, 5, 4), np.float32)
    return ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})([tokens])[0]


@pytest.mark.parametrize("axis", [-1, 2])
def test_two_layers_make_the_same(axis):
    model = network(axis)
    expected = run(model)
    [cut] = halves.cuts(model)
    halves.replace(cut, WEIGHTS.__getitem__)
    model.validate_nodes_and_infer_types()
    kinds = [each.get_type_name() for each in model.get_ordered_ops()]
    assert kinds.count("MatMul") == 2 and "Split" not in kinds
    assert np.abs(run(model) - expected).max() < 1e-5


@pytest.mark.parametrize("changed", [{"axis": 0}, {"parts": 3}, {"shared": True}], ids=str)
def test_what_is_cut_otherwise_or_also_used_whole_stays(changed):
    assert not list(halves.cuts(network(**changed)))
