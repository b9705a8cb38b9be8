"""Paddle's operations (PIR) as OpenVINO's: one function each, in a table by their names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ppt2v.environment.openvino import import_openvino
from ppt2v.errors import UnsupportedError

from .values import Value, as_dtype, as_node, number, numbers, output, rank, vector

ov = import_openvino()
ops = ov.opset15

Converter = Callable[..., Value]

CONVERTERS: dict[str, Converter] = {}


def _converts(*names: str) -> Callable[[Converter], Converter]:
    def register(converter: Converter) -> Converter:
        for name in names:
            CONVERTERS[name] = converter
        return converter

    return register


def _elementwise(name: str, make: Callable[..., Any]) -> None:
    CONVERTERS[f"pd_op.{name}"] = lambda attributes, *operands: make(*(as_node(operand) for operand in operands))


for _name, _make in {
    "add": ops.add,
    "subtract": ops.subtract,
    "multiply": ops.multiply,
    "divide": ops.divide,
    "equal": ops.equal,
    "exp": ops.exp,
    "less_than": ops.less,
    "maximum": ops.maximum,
    "where": ops.select,
    "relu": ops.relu,
    "sigmoid": ops.sigmoid,
    "silu": ops.swish,
    "tanh": ops.tanh,
}.items():
    _elementwise(_name, _make)


@_converts("pd_op.full")
def _full(attributes, *_):
    return np.full(attributes["shape"], attributes["value"], as_dtype(attributes["dtype"]))


@_converts("pd_op.full_like")
def _full_like(attributes, x, value):
    return ops.broadcast(as_node(value.reshape([]).astype(as_dtype(attributes["dtype"]))), ops.shape_of(as_node(x)))


@_converts("pd_op.arange")
def _arange(attributes, start, end, step):
    return np.arange(number(start), number(end), number(step), as_dtype(attributes["dtype"]))


@_converts("pd_op.full_int_array")
def _full_int_array(attributes):
    return np.array(attributes["value"], np.int64)


@_converts("pd_op.assign_value", "pd_op.assign_value_")
def _assign_value(attributes, *_):
    return np.array(attributes["values"], as_dtype(attributes["dtype"])).reshape(attributes["shape"])


@_converts("pd_op.full_with_tensor")
def _full_with_tensor(attributes, value, shape):
    value = as_node(value.reshape([]).astype(as_dtype(attributes["dtype"])))
    return ops.broadcast(value, vector(shape))


@_converts("builtin.combine")
def _combine(attributes, *members):
    return list(members)


@_converts("builtin.split")
def _split(attributes, members):
    return members


@_converts("pd_op.cast")
def _cast(attributes, x):
    return ops.convert(as_node(x), ov.Type(np.dtype(as_dtype(attributes["dtype"]))))


@_converts("pd_op.scale")
def _scale(attributes, x, factor):
    x = as_node(x)
    dtype = output(x).get_element_type().to_dtype()
    factor, bias = dtype.type(number(factor)), dtype.type(attributes["bias"])
    if not attributes["bias_after_scale"]:
        return ops.multiply(ops.add(x, bias), factor)
    scaled = x if factor == 1 else ops.multiply(x, factor)
    return scaled if bias == 0 else ops.add(scaled, bias)


@_converts("pd_op.clip")
def _clip(attributes, x, low, high):
    return ops.clamp(as_node(x), number(low), number(high))


@_converts("pd_op.gelu")
def _gelu(attributes, x):
    return ops.gelu(as_node(x), "tanh" if attributes["approximate"] else "erf")


@_converts("pd_op.softmax")
def _softmax(attributes, x):
    return ops.softmax(as_node(x), attributes["axis"] % rank(x))


@_converts("pd_op.matmul")
def _matmul(attributes, x, y):
    return ops.matmul(as_node(x), as_node(y), attributes["transpose_x"], attributes["transpose_y"])


@_converts("pd_op.embedding")
def _embedding(attributes, rows, table):
    return ops.gather(as_node(table), as_node(rows), np.int64(0))


@_converts("pd_op.triu")
def _triu(attributes, x):
    rows, columns = (output(x).get_partial_shape()[axis].get_length() for axis in (-2, -1))
    kept = np.triu(np.ones((rows, columns), bool), attributes["diagonal"])
    return ops.select(kept, as_node(x), np.float32(0))


# Rows of a tensor


@_converts("pd_op.gather")
def _gather(attributes, x, index, axis):
    return ops.gather(as_node(x), as_node(index), np.int64(number(axis)))


@_converts("pd_op.take_along_axis")
def _take_along_axis(attributes, x, index):
    return ops.gather_elements(as_node(x), as_node(index), attributes["axis"])


@_converts("pd_op.put_along_axis")
def _put_along_axis(attributes, x, index, values):
    kind = {"assign": "none", "add": "sum", "mean": "mean"}[attributes["reduce"]]
    return ops.scatter_elements_update(
        as_node(x), as_node(index), as_node(values), np.int64(attributes["axis"]), kind, attributes["include_self"]
    )


@_converts("pd_op.topk")
def _topk(attributes, x, count):
    order = "value" if attributes["sorted"] else "none"
    axis = attributes["axis"] % rank(x)
    return _ordered(as_node(x), np.int64(number(count)), axis, attributes["largest"], order)


@_converts("pd_op.argsort")
def _argsort(attributes, x):
    x, axis = as_node(x), attributes["axis"] % rank(x)
    count = ops.gather(ops.shape_of(x), np.int64(axis), np.int64(0))
    return _ordered(x, count, axis, attributes["descending"], "value")


def _ordered(x, count, axis: int, descending: bool, order: str) -> list:
    mode = "max" if descending else "min"
    found = ops.topk(x, count, axis, mode, order, index_element_type="i64", stable=order == "value")
    return [found.output(0), found.output(1)]


@_converts("pd_op.p_norm")
def _p_norm(attributes, x):
    if attributes["porder"] != 2 or attributes["asvector"]:
        raise UnsupportedError("E-OPENVINO-NORM", "the OpenVINO engine knows the Euclidean norm along an axis only")
    return ops.reduce_l2(as_node(x), np.int64(attributes["axis"]), attributes["keepdim"])


# Shapes


@_converts("pd_op.shape64", "pd_op.shape")
def _shape(attributes, x):
    return ops.shape_of(as_node(x))


@_converts("pd_op.reshape")
def _reshape(attributes, x, shape):
    return ops.reshape(as_node(x), vector(shape), special_zero=True)


@_converts("pd_op.transpose")
def _transpose(attributes, x):
    return ops.transpose(as_node(x), np.array(attributes["perm"]))


@_converts("pd_op.unsqueeze")
def _unsqueeze(attributes, x, axes):
    return ops.unsqueeze(as_node(x), as_node(axes))


@_converts("pd_op.squeeze")
def _squeeze(attributes, x, axes):
    return ops.squeeze(as_node(x), as_node(axes))


@_converts("pd_op.flatten")
def _flatten(attributes, x):
    end = rank(x)
    first, last = attributes["start_axis"] % end, attributes["stop_axis"] % end
    shape = ops.shape_of(as_node(x))
    head, tail = (ops.gather(shape, np.arange(*span), np.int64(0)) for span in ((0, first), (last + 1, end)))
    return ops.reshape(as_node(x), ops.concat([head, np.array([-1]), tail], 0), special_zero=False)


@_converts("pd_op.expand")
def _expand(attributes, x, shape):
    if isinstance(shape, np.ndarray):
        shape = np.maximum(shape, 1)  # -1 stands for the size as it is
    return ops.broadcast(as_node(x), vector(shape), broadcast_spec="BIDIRECTIONAL")


@_converts("pd_op.slice")
def _slice(attributes, x, starts, ends):
    axes = np.array(attributes["axes"])
    cut = ops.slice(as_node(x), vector(starts), vector(ends), np.ones_like(axes), axes)
    return ops.squeeze(cut, np.array(attributes["decrease_axis"])) if attributes["decrease_axis"] else cut


@_converts("pd_op.concat")
def _concat(attributes, members, axis):
    return ops.concat([as_node(member) for member in members], int(number(axis)))


@_converts("pd_op.stack")
def _stack(attributes, members):
    axis = np.int64(attributes["axis"])
    return ops.concat([ops.unsqueeze(as_node(member), axis) for member in members], int(axis))


@_converts("pd_op.split_with_num")
def _split_with_num(attributes, x, axis):
    return list(ops.split(as_node(x), np.int64(number(axis)), attributes["num"]).outputs())


# Layers


@_converts("pd_op.conv2d")
def _conv2d(attributes, x, weight):
    pads = _pads(attributes["paddings"])
    if attributes["padding_algorithm"] != "EXPLICIT" or attributes["groups"] != 1:
        raise UnsupportedError(
            "E-OPENVINO-CONVOLUTION", "the OpenVINO engine knows convolutions with explicit padding and one group only"
        )
    return ops.convolution(as_node(x), as_node(weight), attributes["strides"], *pads, attributes["dilations"])


def _pads(paddings: Sequence[int]) -> tuple[Sequence[int], Sequence[int]]:
    """Padding before and after: given as [height, width] or [top, bottom, left, right]."""
    return (paddings, paddings) if len(paddings) == 2 else (paddings[::2], paddings[1::2])


@_converts("pd_op.pad3d")
def _pad3d(attributes, x, paddings):
    left, right, top, bottom, front, back = numbers(paddings)
    before, after = np.array([0, 0, front, top, left]), np.array([0, 0, back, bottom, right])
    return ops.pad(as_node(x), before, after, attributes["mode"], np.float32(attributes["pad_value"]))


@_converts("pd_op.nearest_interp")
def _nearest_interp(attributes, x, *_):
    return ops.interpolate(
        as_node(x),
        np.array(attributes["scale"], np.float32),
        "nearest",
        "scales",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
        axes=np.array([2, 3]),
    )


@_converts("pd_op.dropout")
def _dropout(attributes, x, *_):
    if not attributes["is_test"] or attributes["mode"] != "upscale_in_train":
        raise UnsupportedError(
            "E-OPENVINO-DROPOUT", "the OpenVINO engine knows dropout only where it drops and scales nothing"
        )
    return [as_node(x), None]


@_converts("pd_op.group_norm")
def _group_norm(attributes, x, scale, bias):
    groups, epsilon = attributes["groups"], attributes["epsilon"]
    return [ops.group_normalization(as_node(x), as_node(scale), as_node(bias), groups, epsilon), None, None]


@_converts("pd_op.layer_norm")
def _layer_norm(attributes, x, scale, bias):
    axes = np.arange(attributes["begin_norm_axis"], rank(x))
    normalized = ops.mvn(as_node(x), axes, True, attributes["epsilon"], "inside_sqrt")
    scaled = normalized if scale is None else ops.multiply(normalized, as_node(scale))
    return [scaled if bias is None else ops.add(scaled, as_node(bias)), None, None]
