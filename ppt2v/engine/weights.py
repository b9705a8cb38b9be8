"""The weights of a network in one file, for the OpenVINO models of all its programs and sizes.

Those of linear layers, ``[in, out]`` in Paddle, are stored ``[out, in]``: from the other form OpenVINO makes a copy in
float32 of its own, and then computes in half precision with twice the memory that it needs. Convolutions of doubled
pictures have another form beside their own (``upsampling``).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from paddle import nn

from ppt2v.environment.openvino import import_openvino

from . import halves, upsampling
from .trace import named_tensors, shared

ov = import_openvino()
ops = ov.opset15

_PREFIX = "weight of the network: "
_NUMBERS, _TABLE = "weights.bin", "weights.json"
_ALIGNED = 64  # bytes, as OpenVINO has its own
FORM = "linear layers [out, in], kernels for doubled pictures"  # of what is written, for the keys of caches


def write(network, folder: Path) -> None:
    """Writes the weights of a network, which has read them, into an empty folder."""
    linear = {f"{name}.weight" for name, layer in network.named_sublayers() if isinstance(layer, nn.Linear)}
    table: dict[str, dict[str, Any]] = {}
    with (folder / _NUMBERS).open("wb") as stream:
        for name, tensor in named_tensors(network):
            array, transposed = shared(tensor), name in linear
            where = _append(stream, array.T if transposed else array)
            table[name] = {"where": where, "transposed": transposed}
            if upsampling.concerns(name, array):
                table[name]["doubling"] = _append(stream, upsampling.kernels(array))
    (folder / _TABLE).write_text(json.dumps(table), encoding="utf-8")


def _append(stream: BinaryIO, array: np.ndarray) -> dict[str, Any]:
    """Writes an array; where it is found, as ``_view`` takes it."""
    stream.write(bytes(-stream.tell() % _ALIGNED))
    where = {"start": stream.tell(), "shape": array.shape, "dtype": str(array.dtype)}
    stream.write(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return where


def place(name: str, array: np.ndarray):
    """An input of a model for the weight of that name."""
    return ops.parameter(array.shape, array.dtype, name=_PREFIX + name)


def attach(model: ov.Model, folder: Path) -> None:
    """Puts the weights in a folder into their places in a model.

    They are views of the mapped file, and stay readable when another process removes it.
    """
    table = json.loads((folder / _TABLE).read_text(encoding="utf-8"))
    numbers = np.memmap(folder / _NUMBERS, np.uint8, "c")  # OpenVINO takes no read-only memory, and does not write
    for parameter in model.get_parameters():
        name = parameter.get_friendly_name()
        if name.startswith(_PREFIX):
            name = name.removeprefix(_PREFIX)
            constant = ops.constant(_view(numbers, **table[name]["where"]), shared_memory=True, name=name)
            if table[name]["transposed"]:
                _transpose_back(parameter, constant)
            else:
                parameter.output(0).replace(constant.output(0))
            model.remove_parameter(parameter)
    for convolution in upsampling.convolutions(model):
        name = convolution.input_value(1).get_node().get_friendly_name()
        if "doubling" in table.get(name, {}):
            upsampling.replace(convolution, _view(numbers, **table[name]["doubling"]))
    for cut in halves.cuts(model):
        halves.replace(cut, lambda name: _view(numbers, **table[name]["where"]))
    model.validate_nodes_and_infer_types()


def _transpose_back(parameter, constant) -> None:
    """Puts a transposed weight in the place of an input: matrix products take it as it is."""
    for target in parameter.output(0).get_target_inputs():
        node = target.get_node()
        if node.get_type_name() == "MatMul" and target.get_index() == 1:
            node.set_attribute("transpose_b", not node.get_attributes()["transpose_b"])
            target.replace_source_output(constant.output(0))
        else:
            target.replace_source_output(ops.transpose(constant, np.array([1, 0])).output(0))


def _view(numbers: np.ndarray, start: int, shape: list[int], dtype: str) -> np.ndarray:
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return numbers[start : start + size].view(dtype).reshape(shape)
