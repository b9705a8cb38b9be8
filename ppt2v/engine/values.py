"""The values of a Paddle program in a model of OpenVINO: nodes, constants, lists; their types and shapes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ppt2v.environment.openvino import import_openvino
from ppt2v.errors import UnsupportedError

ov = import_openvino()
ops = ov.opset15

# What stands for a value of the program: a node, a constant known now, or the members of a list.
Value = Any

_DTYPES = {"float32": np.float32, "float64": np.float64, "int32": np.int32, "int64": np.int64, "bool": np.bool_}


def as_node(value: Value):
    """A value as a node of the model."""
    return ops.constant(value) if isinstance(value, np.ndarray) else value


def number(value: Value) -> float:
    return value.reshape(-1)[0].item()


def numbers(value: Value) -> list[int]:
    return [int(number) for number in value.reshape(-1)]


def vector(value: Value):
    """A list of whole numbers, constant or not, as one node."""
    if isinstance(value, list):
        return ops.concat([vector(part) for part in value], 0)
    return ops.reshape(as_node(value), np.array([-1]), special_zero=False)


def as_dtype(paddle_dtype) -> type:
    """NumPy's type of the numbers of a Paddle value.

    Raises:
        UnsupportedError: they are of another type than the networks use.
    """
    name = str(paddle_dtype).rsplit(".", 1)[-1].lower()
    if name not in _DTYPES:
        raise UnsupportedError(
            "E-OPENVINO-TYPE", "numbers of the type {dtype} have no counterpart in the OpenVINO engine", dtype=name
        )
    return _DTYPES[name]


def rank(value: Value) -> int:
    return output(value).get_partial_shape().rank.get_length()


def output(value: Value) -> ov.Output:
    """A value as the output of a node, of which it may be one among several."""
    node = as_node(value)
    return node if isinstance(node, ov.Output) else node.output(0)
