"""The weights of a network in one file, for the OpenVINO models of all its programs and sizes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ppt2v.environment.openvino import import_openvino

from .trace import named_tensors, shared

ov = import_openvino()
ops = ov.opset15

_PREFIX = "weight of the network: "
_NUMBERS, _TABLE = "weights.bin", "weights.json"
_ALIGNED = 64  # bytes, as OpenVINO has its own


def write(network, folder: Path) -> None:
    """Writes the weights of a network, which has read them, into an empty folder."""
    table = {}
    with (folder / _NUMBERS).open("wb") as stream:
        for name, tensor in named_tensors(network):
            array = shared(tensor)
            stream.write(bytes(-stream.tell() % _ALIGNED))
            table[name] = {"start": stream.tell(), "shape": array.shape, "dtype": str(array.dtype)}
            stream.write(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    (folder / _TABLE).write_text(json.dumps(table), encoding="utf-8")


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
            entry = table[name.removeprefix(_PREFIX)]
            constant = ops.constant(_view(numbers, **entry), shared_memory=True, name=name.removeprefix(_PREFIX))
            parameter.output(0).replace(constant.output(0))
            model.remove_parameter(parameter)
    model.validate_nodes_and_infer_types()


def _view(numbers: np.ndarray, start: int, shape: list[int], dtype: str) -> np.ndarray:
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return numbers[start : start + size].view(dtype).reshape(shape)
