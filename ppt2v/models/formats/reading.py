"""WeightFile files: reads one without PyTorch and without running a pickle, and puts it exactly into a network."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from ppt2v.errors import InputError

from .pickles import BFLOAT16, Storage, Unpickler, state_dictionary

PYTORCH, PADDLE = "pytorch", "paddle"

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C

SAFETENSORS_TYPES = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": BFLOAT16,
    "U16": BFLOAT16,
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}  # Paddle stores bfloat16 as plain 16 bit integers, which no network has for weights: hence U16


class WeightFile(NamedTuple):
    """Arrays by name (bfloat16 ones of type ``BFLOAT16``), in whose layout the Linear weights are, and remarks."""

    tensors: dict[str, np.ndarray]
    layout: str
    metadata: Mapping[str, str] = MappingProxyType({})


def read(path: Path) -> WeightFile:
    """Reads a .safetensors, .pdparams, or PyTorch (.bin, .pth, .ckpt; zip or older) file.

    The kind of file is told from its content. Arrays are read-only views of the memory-mapped file where the format
    allows it. Pickles are parsed for tensors and plain containers only: nothing that they name is imported or called.
    Raises InputError, with the file's name, for a missing, truncated or corrupt file and for anything but tensors.
    """
    try:
        if path.suffix == ".safetensors":
            return _read_safetensors(path)
        if zipfile.is_zipfile(path):
            return _read_torch_zip(path)
        return _read_pickle(path)
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; give a checkpoint that exists") from None
    except Exception as error:  # a damaged pickle can raise any exception
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"{path} is truncated, corrupt or no checkpoint ({reason}); download or copy this file again"
        ) from error


def widen(array: np.ndarray) -> np.ndarray:
    """The array itself, or a float32 copy where it holds bfloat16."""
    if array.dtype != BFLOAT16:
        return array
    return (array["bfloat16"].astype(np.uint32) << 16).view(np.float32)


def _read_safetensors(path: Path) -> WeightFile:
    from safetensors import safe_open

    with safe_open(path, framework="np") as file:  # checks the header against the file's size
        metadata = file.metadata() or {}
    data = np.memmap(path, np.uint8, "r")
    start = 8 + int.from_bytes(data[:8].tobytes(), "little")
    header = json.loads(data[8:start].tobytes())
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        if entry["dtype"] not in SAFETENSORS_TYPES:
            raise InputError(f"{path}: {name} is of type {entry['dtype']}; valid are {', '.join(SAFETENSORS_TYPES)}")
        begin, end = entry["data_offsets"]
        numbers = data[start + begin : start + end].view(SAFETENSORS_TYPES[entry["dtype"]])
        tensors[name] = numbers.reshape(entry["shape"])
    return WeightFile(tensors, _safetensors_layout(path.name, metadata), metadata)


def _safetensors_layout(file_name: str, metadata: dict[str, str]) -> str:
    if "paddle" in file_name:
        return PADDLE
    if "pytorch" in file_name:
        return PYTORCH
    return PADDLE if metadata.get("format") in ("pd", "np", "paddle") else PYTORCH


def _read_torch_zip(path: Path) -> WeightFile:
    data = np.memmap(path, np.uint8, "r")
    with zipfile.ZipFile(path) as archive:
        (pickled,) = [name for name in archive.namelist() if name.split("/")[-1] == "data.pkl"]
        folder = pickled.removesuffix("data.pkl")
        if f"{folder}byteorder" in archive.namelist() and archive.read(f"{folder}byteorder") != b"little":
            raise InputError(f"{path} was written on a big-endian machine; save it again on a little-endian one")

        def storage(key: str, dtype: np.dtype, size: int) -> Storage:
            entry = _zip_entry(archive, archive.getinfo(f"{folder}data/{key}"), data)
            return Storage(dtype, size, entry[: size * dtype.itemsize].view(dtype))

        with archive.open(pickled) as file:
            tree = Unpickler(file, path, storage).load()
        return WeightFile(state_dictionary(tree, path), PYTORCH)


def _zip_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, data: np.ndarray) -> np.ndarray:
    """The bytes of an entry: a view of the mapped file, or a copy where the entry is compressed."""
    if entry.compress_type != zipfile.ZIP_STORED:
        return np.frombuffer(archive.read(entry), np.uint8)
    local = data[entry.header_offset : entry.header_offset + 30]
    name_length, extra_length = local[26:30].view("<u2")
    start = entry.header_offset + 30 + int(name_length) + int(extra_length)
    return data[start : start + entry.file_size]


def _read_pickle(path: Path) -> WeightFile:
    with open(path, "rb") as file:
        storages: dict[str, Storage] = {}

        def storage(key: str, dtype: np.dtype, size: int) -> Storage:
            return storages.setdefault(key, Storage(dtype, size))

        tree = Unpickler(file, path, storage).load()
        if tree != _LEGACY_MAGIC:
            return WeightFile(state_dictionary(tree, path), PADDLE)
        for _ in ("protocol version", "system", "tree"):
            tree = Unpickler(file, path, storage).load()
        keys = Unpickler(file, path, storage).load()
        _map_storages(np.memmap(path, np.uint8, "r"), file.tell(), [storages[key] for key in keys])
    return WeightFile(state_dictionary(tree, path), PYTORCH)


def _map_storages(data: np.ndarray, start: int, storages: list[Storage]) -> None:
    """Gives each storage its bytes: they follow the pickles, each after its size as a 64 bit number."""
    for storage in storages:
        end = start + 8 + storage.size * storage.dtype.itemsize
        if int.from_bytes(data[start : start + 8].tobytes(), "little") != storage.size or end > data.size:
            raise ValueError("the data end too early")
        storage.array = data[start + 8 : end].view(storage.dtype)
        start = end
