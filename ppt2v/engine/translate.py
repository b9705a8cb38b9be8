"""A traced Paddle program (PIR) as an OpenVINO model, operation by operation.

The weights are not copied: OpenVINO's constants stand on the memory of Paddle's parameters. Ways through ONNX hold them
twice and end at 2 GB, less than the UNet of Stable Diffusion.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import openvino as ov
from openvino import opset15 as ops

from ..errors import UnsupportedError

# What stands for a value of the program: a node, a constant known now, or the members of a list.
Value = Any
Converter = Callable[..., Value]

_CONVERTERS: dict[str, Converter] = {}
_DTYPES = {"float32": np.float32, "float64": np.float64, "int32": np.int32, "int64": np.int64, "bool": np.bool_}


def translate(program, outputs: Sequence, parameters: Mapping[str, np.ndarray]) -> ov.Model:
    """The OpenVINO model that computes ``outputs`` of a PIR program.

    Args:
        program: a ``paddle.static.Program`` of inference operations.
        outputs: those of its values that are wanted.
        parameters: the weights by the names that the program knows them by.

    Returns:
        A model whose inputs bear the program's names and stand in its order. It needs ``parameters`` to stay alive.

    Raises:
        UnsupportedError: an operation that is not in the table.
    """
    graph = _Graph(parameters)
    for operation in _needed(program.global_block().ops, outputs):
        graph.add(operation)
    results = [ops.result(_node(graph.values[output.id])) for output in outputs]
    model = ov.Model(results, graph.inputs, "ppt2v")
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

    def __init__(self, parameters: Mapping[str, np.ndarray]):
        self.parameters = parameters
        self.values: dict[str, Value] = {}
        self.inputs: list = []

    def add(self, operation) -> None:
        name, results = operation.name(), operation.results()
        if name == "builtin.parameter":
            array = self.parameters[operation.attrs()["parameter_name"]]
            made: Value = ops.constant(array, shared_memory=True)
        elif name == "pd_op.data":
            made = self._input(operation.attrs())
        elif name in _CONVERTERS:
            operands = [self.values[value.id] if value.initialized() else None
                        for value in operation.operands_source()]
            made = _CONVERTERS[name](operation.attrs(), *operands)
        else:
            raise UnsupportedError(f"the operation {name} has no counterpart in the table of the OpenVINO engine")
        for result, value in zip(results, made if len(results) > 1 else [made]):
            self.values[result.id] = value

    def _input(self, attributes: Mapping[str, Any]):
        node = ops.parameter(ov.PartialShape(attributes["shape"]), _dtype(attributes["dtype"]), attributes["name"])
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


def _node(value: Value):
    return ops.constant(value) if isinstance(value, np.ndarray) else value


def _number(value: Value) -> float:
    return value.reshape(-1)[0].item()


def _numbers(value: Value) -> list[int]:
    return [int(number) for number in value.reshape(-1)]


def _vector(value: Value):
    """A list of whole numbers, constant or not, as one node."""
    if isinstance(value, list):
        return ops.concat([_vector(part) for part in value], 0)
    return ops.reshape(_node(value), np.array([-1]), special_zero=False)


def _dtype(paddle_dtype) -> type:
    name = str(paddle_dtype).rsplit(".", 1)[-1].lower()
    if name not in _DTYPES:
        raise UnsupportedError(f"numbers of the type {name} have no counterpart in the OpenVINO engine")
    return _DTYPES[name]


def _rank(value: Value) -> int:
    return _node(value).output(0).get_partial_shape().rank.get_length()


def _converts(*names: str) -> Callable[[Converter], Converter]:
    def register(converter: Converter) -> Converter:
        for name in names:
            _CONVERTERS[name] = converter
        return converter

    return register


def _elementwise(name: str, make: Callable[..., Any]) -> None:
    _CONVERTERS[f"pd_op.{name}"] = lambda attributes, *operands: make(*(_node(operand) for operand in operands))


for _name, _make in {
    "add": ops.add, "subtract": ops.subtract, "multiply": ops.multiply, "divide": ops.divide, "equal": ops.equal,
    "exp": ops.exp,
    "relu": ops.relu, "sigmoid": ops.sigmoid, "silu": ops.swish, "tanh": ops.tanh,
}.items():
    _elementwise(_name, _make)


@_converts("pd_op.full")
def _full(attributes, *_):
    return np.full(attributes["shape"], attributes["value"], _dtype(attributes["dtype"]))


@_converts("pd_op.full_int_array")
def _full_int_array(attributes):
    return np.array(attributes["value"], np.int64)


@_converts("pd_op.assign_value", "pd_op.assign_value_")
def _assign_value(attributes, *_):
    return np.array(attributes["values"], _dtype(attributes["dtype"])).reshape(attributes["shape"])


@_converts("pd_op.full_with_tensor")
def _full_with_tensor(attributes, value, shape):
    value = _node(value.reshape([]).astype(_dtype(attributes["dtype"])))
    return ops.broadcast(value, _vector(shape))


@_converts("builtin.combine")
def _combine(attributes, *members):
    return list(members)


@_converts("builtin.split")
def _split(attributes, members):
    return members


@_converts("pd_op.cast")
def _cast(attributes, x):
    return ops.convert(_node(x), ov.Type(np.dtype(_dtype(attributes["dtype"]))))


@_converts("pd_op.scale")
def _scale(attributes, x, factor):
    x = _node(x)
    dtype = x.output(0).get_element_type().to_dtype()
    factor, bias = dtype.type(_number(factor)), dtype.type(attributes["bias"])
    if not attributes["bias_after_scale"]:
        return ops.multiply(ops.add(x, bias), factor)
    scaled = x if factor == 1 else ops.multiply(x, factor)
    return scaled if bias == 0 else ops.add(scaled, bias)


@_converts("pd_op.clip")
def _clip(attributes, x, low, high):
    return ops.clamp(_node(x), _number(low), _number(high))


@_converts("pd_op.gelu")
def _gelu(attributes, x):
    return ops.gelu(_node(x), "tanh" if attributes["approximate"] else "erf")


@_converts("pd_op.softmax")
def _softmax(attributes, x):
    return ops.softmax(_node(x), attributes["axis"] % _rank(x))


@_converts("pd_op.matmul")
def _matmul(attributes, x, y):
    return ops.matmul(_node(x), _node(y), attributes["transpose_x"], attributes["transpose_y"])


@_converts("pd_op.embedding")
def _embedding(attributes, rows, table):
    return ops.gather(_node(table), _node(rows), np.int64(0))


@_converts("pd_op.triu")
def _triu(attributes, x):
    rows, columns = (_node(x).output(0).get_partial_shape()[axis].get_length() for axis in (-2, -1))
    kept = np.triu(np.ones((rows, columns), bool), attributes["diagonal"])
    return ops.select(kept, _node(x), np.float32(0))


# Shapes


@_converts("pd_op.shape64", "pd_op.shape")
def _shape(attributes, x):
    return ops.shape_of(_node(x))


@_converts("pd_op.reshape")
def _reshape(attributes, x, shape):
    return ops.reshape(_node(x), _vector(shape), special_zero=True)


@_converts("pd_op.transpose")
def _transpose(attributes, x):
    return ops.transpose(_node(x), np.array(attributes["perm"]))


@_converts("pd_op.unsqueeze")
def _unsqueeze(attributes, x, axes):
    return ops.unsqueeze(_node(x), _node(axes))


@_converts("pd_op.squeeze")
def _squeeze(attributes, x, axes):
    return ops.squeeze(_node(x), _node(axes))


@_converts("pd_op.flatten")
def _flatten(attributes, x):
    rank = _rank(x)
    first, last = attributes["start_axis"] % rank, attributes["stop_axis"] % rank
    shape = ops.shape_of(_node(x))
    head, tail = (ops.gather(shape, np.arange(*span), np.int64(0)) for span in ((0, first), (last + 1, rank)))
    return ops.reshape(_node(x), ops.concat([head, np.array([-1]), tail], 0), special_zero=False)


@_converts("pd_op.expand")
def _expand(attributes, x, shape):
    return ops.broadcast(_node(x), _vector(shape), broadcast_spec="BIDIRECTIONAL")


@_converts("pd_op.slice")
def _slice(attributes, x, starts, ends):
    axes = np.array(attributes["axes"])
    cut = ops.slice(_node(x), _vector(starts), _vector(ends), np.ones_like(axes), axes)
    return ops.squeeze(cut, np.array(attributes["decrease_axis"])) if attributes["decrease_axis"] else cut


@_converts("pd_op.concat")
def _concat(attributes, members, axis):
    return ops.concat([_node(member) for member in members], int(_number(axis)))


@_converts("pd_op.stack")
def _stack(attributes, members):
    axis = np.int64(attributes["axis"])
    return ops.concat([ops.unsqueeze(_node(member), axis) for member in members], int(axis))


@_converts("pd_op.split_with_num")
def _split_with_num(attributes, x, axis):
    return list(ops.split(_node(x), np.int64(_number(axis)), attributes["num"]).outputs())


# Layers


@_converts("pd_op.conv2d")
def _conv2d(attributes, x, weight):
    pads = _pads(attributes["paddings"])
    if attributes["padding_algorithm"] != "EXPLICIT" or attributes["groups"] != 1:
        raise UnsupportedError("the OpenVINO engine knows convolutions with explicit padding and one group only")
    return ops.convolution(_node(x), _node(weight), attributes["strides"], *pads, attributes["dilations"])


def _pads(paddings: Sequence[int]) -> tuple[list[int], list[int]]:
    """Padding before and after: given as [height, width] or [top, bottom, left, right]."""
    return (paddings, paddings) if len(paddings) == 2 else (paddings[::2], paddings[1::2])


@_converts("pd_op.pad3d")
def _pad3d(attributes, x, paddings):
    left, right, top, bottom, front, back = _numbers(paddings)
    before, after = np.array([0, 0, front, top, left]), np.array([0, 0, back, bottom, right])
    return ops.pad(_node(x), before, after, attributes["mode"], np.float32(attributes["pad_value"]))


@_converts("pd_op.nearest_interp")
def _nearest_interp(attributes, x, *_):
    return ops.interpolate(
        _node(x), np.array(attributes["scale"], np.float32), "nearest", "scales",
        coordinate_transformation_mode="asymmetric", nearest_mode="floor", axes=np.array([2, 3]),
    )


@_converts("pd_op.dropout")
def _dropout(attributes, x, *_):
    if not attributes["is_test"] or attributes["mode"] != "upscale_in_train":
        raise UnsupportedError("the OpenVINO engine knows dropout only where it drops and scales nothing")
    return [_node(x), None]


@_converts("pd_op.group_norm")
def _group_norm(attributes, x, scale, bias):
    groups, epsilon = attributes["groups"], attributes["epsilon"]
    return [ops.group_normalization(_node(x), _node(scale), _node(bias), groups, epsilon), None, None]


@_converts("pd_op.layer_norm")
def _layer_norm(attributes, x, scale, bias):
    axes = np.arange(attributes["begin_norm_axis"], _rank(x))
    normalized = ops.mvn(_node(x), axes, True, attributes["epsilon"], "inside_sqrt")
    scaled = normalized if scale is None else ops.multiply(normalized, _node(scale))
    return [scaled if bias is None else ops.add(scaled, _node(bias)), None, None]
