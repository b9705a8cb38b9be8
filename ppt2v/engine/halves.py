"""Layers whose outcome is cut into halves, as a layer for each: cutting would copy all that they make."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ppt2v.environment.openvino import import_openvino

ov = import_openvino()
ops = ov.opset15


def cuts(model: ov.Model) -> Iterator:
    """The operations that do so with what a matrix product with a weight ``[out, in]`` and its bias makes."""
    for cut in model.get_ordered_ops():
        if cut.get_type_name() == "Split" and cut.get_attributes()["num_splits"] == 2:
            added = cut.input_value(0).get_node()
            product = added.input_value(0).get_node()
            if added.get_type_name() == "Add" and _is_layer(product) and _only(added) and _only(product):
                weight, bias = product.input_value(1).get_node(), added.input_value(1).get_node()
                last = cut.input_value(1).get_node().data in (-1, len(cut.get_input_partial_shape(0)) - 1)
                if last and _is_constant(bias) and bias.get_output_shape(0) == weight.get_output_shape(0)[:1]:
                    yield cut


def replace(cut, stored: Callable[[str], np.ndarray]) -> None:
    """Puts two layers in the place of one; ``stored`` gives a weight by its name, which stays where it is."""
    added = cut.input_value(0).get_node()
    product = added.input_value(0).get_node()
    names = [node.input_value(1).get_node().get_friendly_name() for node in (product, added)]
    for half, output in enumerate(cut.outputs()):
        weight, bias = (
            ops.constant(np.split(stored(name), 2)[half], shared_memory=True, name=f"{name} {half}") for name in names
        )
        made = ops.add(ops.matmul(product.input_value(0), weight, False, True), bias)
        output.replace(made.output(0))


def _is_layer(node) -> bool:
    if node.get_type_name() != "MatMul" or not _is_constant(node.input_value(1).get_node()):
        return False
    attributes = node.get_attributes()
    return attributes["transpose_b"] and not attributes["transpose_a"]


def _is_constant(node) -> bool:
    return node.get_type_name() == "Constant"


def _only(node) -> bool:
    """Whether one operation alone takes what it makes."""
    return len(node.output(0).get_target_inputs()) == 1
