"""A traced Paddle program (PIR) as an OpenVINO model, operation by operation.

The network's weights become inputs of the model, for ``weights.attach`` to fill: programs of all sizes share them. Ways
through ONNX hold them twice and end at 2 GB, less than the UNet of Stable Diffusion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ppt2v.environment.openvino import import_openvino
from ppt2v.errors import UnsupportedError

from . import weights
from .operations import CONVERTERS
from .trace import Parameter
from .values import Value, as_dtype, as_node

ov = import_openvino()
ops = ov.opset15


def translate(program, outputs: Sequence, parameters: Mapping[str, Parameter]) -> ov.Model:
    """The OpenVINO model that computes ``outputs`` of a PIR program.

    Args:
        program: a ``paddle.static.Program`` of inference operations.
        outputs: those of its values that are wanted.
        parameters: the weights by the names that the program knows them by.

    Returns:
        A model whose inputs bear the program's names and stand in its order, followed by the network's weights.
        It needs ``parameters`` to stay alive.

    Raises:
        UnsupportedError: an operation that is not in the table.
    """
    graph = _Graph(parameters)
    for operation in _needed(program.global_block().ops, outputs):
        graph.add(operation)
    results = [ops.result(as_node(graph.values[output.id])) for output in outputs]
    model = ov.Model(results, [*graph.inputs, *graph.weights], "ppt2v")
    _fuse_attention(model)
    model.validate_nodes_and_infer_types()
    return model


def _needed(operations: Sequence, outputs: Sequence) -> list:
    """The operations that the outputs depend on, and all inputs, in order."""
    wanted, needed = {output.id for output in outputs}, []
    for operation in reversed(operations):
        if operation.name() == "pd_op.data" or any(result.id in wanted for result in operation.results()):
            needed.append(operation)
            wanted.update(value.id for value in operation.operands_source() if value.initialized())
    return needed[::-1]


class _Graph:
    """The part of the model that has been translated."""

    def __init__(self, parameters: Mapping[str, Parameter]):
        self.parameters = parameters
        self.values: dict[str, Value] = {}
        self.inputs: list = []
        self.weights: list = []

    def add(self, operation) -> None:
        name, results = operation.name(), operation.results()
        if name == "builtin.parameter":
            made: Value = self._weight(self.parameters[operation.attrs()["parameter_name"]])
        elif name == "pd_op.data":
            made = self._input(operation.attrs())
        elif name in CONVERTERS:
            operands = [self.values[value.id] if value.initialized() else None for value in operation.operands_source()]
            made = CONVERTERS[name](operation.attrs(), *operands)
        else:
            raise UnsupportedError(
                "E-OPENVINO-OPERATION",
                "the operation {operation} has no counterpart in the table of the OpenVINO engine",
                operation=name,
            )
        for result, value in zip(results, made if len(results) > 1 else [made]):
            self.values[result.id] = value

    def _weight(self, parameter: Parameter):
        name, array = parameter
        if name is None:
            return ops.constant(array, shared_memory=True)
        self.weights.append(weights.place(name, array))
        return self.weights[-1]

    def _input(self, attributes: Mapping[str, Any]):
        node = ops.parameter(ov.PartialShape(attributes["shape"]), as_dtype(attributes["dtype"]), attributes["name"])
        node.output(0).set_names({attributes["name"]})
        self.inputs.append(node)
        return node


def _fuse_attention(model: ov.Model) -> None:
    """Makes product, softmax and product one operation, which never holds the whole matrix of scores."""
    for softmax in [node for node in model.get_ordered_ops() if node.get_type_name() == "Softmax"]:
        scores = softmax.input_value(0).get_node()
        targets = softmax.output(0).get_target_inputs()
        product = next(iter(targets)).get_node() if len(targets) == 1 else softmax
        if scores.get_type_name() != "MatMul" or product.get_type_name() != "MatMul":
            continue
        query, key = scores.input_value(0), scores.input_value(1)
        if scores.get_attributes()["transpose_b"] and not any(product.get_attributes().values()):
            no_mask, scale = ops.constant(np.float32(0)), ops.constant(np.float32(1))
            attention = ops.scaled_dot_product_attention(query, key, product.input_value(1), no_mask, scale)
            product.output(0).replace(attention.output(0))
