"""Writes checkpoint files without PyTorch, tensor by tensor: none but the one being written is copied."""

from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from .dtypes import SAFETENSORS_TYPES, STORAGE_TYPES

_SAFETENSORS_NAMES = {dtype: name for name, dtype in reversed(SAFETENSORS_TYPES.items()) if name != "U16"}
_TORCH_NAMES = {dtype: name for name, dtype in STORAGE_TYPES.items()}


def save_safetensors(path: Path, tensors: Mapping[str, np.ndarray], layout: str) -> None:
    """Writes a .safetensors file; ``layout`` is its metadata's "format": "pt", or "np" for Paddle's."""
    header: dict[str, dict[str, Any]] = {"__metadata__": {"format": layout}}
    end = 0
    for name, array in tensors.items():
        begin, end = end, end + array.nbytes
        dtype = _SAFETENSORS_NAMES[array.dtype]
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [begin, end]}
    encoded = json.dumps(header).encode()
    encoded += b" " * (-len(encoded) % 8)
    with path.open("wb") as file:
        file.write(len(encoded).to_bytes(8, "little") + encoded)
        for array in tensors.values():
            _write(file, array)


def save_torch(path: Path, tensors: Mapping[str, np.ndarray], entry: str | None = None) -> None:
    """Writes a file that ``torch.load`` reads; with ``entry`` the tensors are one entry of the dictionary it holds."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(_member("data.pkl"), _pickled(tensors, entry))
        archive.writestr(_member("byteorder"), "little")
        for number, array in enumerate(tensors.values()):
            with archive.open(_member(f"data/{number}"), "w", force_zip64=True) as file:
                _write(file, array)
        archive.writestr(_member("version"), "3\n")


def _member(name: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(f"archive/{name}")  # without the time, so that the same tensors make the same file


def _write(file: IO[bytes], array: np.ndarray) -> None:
    file.write(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)


def _pickled(tensors: Mapping[str, np.ndarray], entry: str | None) -> bytes:
    """The dictionary as a pickle of protocol 2, written by hand: pickle itself names only what it can import."""
    items = b"".join(_text(name) + _tensor(number, array) for number, (name, array) in enumerate(tensors.items()))
    tree = pickle.EMPTY_DICT + pickle.MARK + items + pickle.SETITEMS
    if entry:
        tree = pickle.EMPTY_DICT + _text(entry) + tree + pickle.SETITEM
    return pickle.PROTO + b"\x02" + tree + pickle.STOP


def _tensor(number: int, array: np.ndarray) -> bytes:
    """What ``torch._utils._rebuild_tensor_v2`` is called with: storage, offset, shape, strides, no gradient, hooks."""
    kind = _global("torch", _TORCH_NAMES[array.dtype])
    storage = _tuple(_text("storage"), kind, _text(str(number)), _text("cpu"), _number(array.size)) + pickle.BINPERSID
    strides = [int(np.prod(array.shape[axis + 1 :])) for axis in range(array.ndim)]
    no_hooks = _global("collections", "OrderedDict") + pickle.EMPTY_TUPLE + pickle.REDUCE
    numbers = (_tuple(*map(_number, sizes)) for sizes in (array.shape, strides))
    arguments = _tuple(storage, _number(0), *numbers, pickle.NEWFALSE, no_hooks)
    return _global("torch._utils", "_rebuild_tensor_v2") + arguments + pickle.REDUCE


def _tuple(*members: bytes) -> bytes:
    return pickle.MARK + b"".join(members) + pickle.TUPLE


def _global(module: str, name: str) -> bytes:
    return pickle.GLOBAL + f"{module}\n{name}\n".encode()


def _text(value: str) -> bytes:
    encoded = value.encode()
    return pickle.BINUNICODE + len(encoded).to_bytes(4, "little") + encoded


def _number(value: int) -> bytes:
    if value < 2**31:
        return pickle.BININT + int(value).to_bytes(4, "little", signed=True)
    return pickle.LONG1 + b"\x08" + int(value).to_bytes(8, "little", signed=True)
