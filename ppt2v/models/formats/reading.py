"""Files of weights, read without PyTorch and without running a pickle."""

from __future__ import annotations

import io
import json
import mmap
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from ppt2v.errors import InputError

from . import pickles
from .dtypes import SAFETENSORS_TYPES
from .recognition import check_no_text, check_weights, is_safetensors
from .stand_ins import Storage
from .state_dictionary import state_dictionary

PYTORCH, PADDLE = "pytorch", "paddle"

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LONGEST_NAME = 1000  # letters
_MOST_PACKED = 100  # times that the unpacked entries of an archive may exceed the file


class WeightFile(NamedTuple):
    """Arrays by name (types: ``dtypes``), in whose layout the Linear weights are, and remarks."""

    tensors: dict[str, np.ndarray]
    layout: str
    metadata: Mapping[str, str] = MappingProxyType({})


def read(path: Path) -> WeightFile:
    """Reads a .safetensors, .pdparams, or PyTorch (.bin, .pth, .ckpt, .pt, .pkl; zip or older) file.

    The kind of file is told from its content. Arrays are read-only views of the memory-mapped file where the format
    allows it. Pickles are parsed for tensors and plain containers only: nothing that they name is imported or called.

    Raises:
        InputError: with the file's name, for a missing, truncated or corrupt file and for anything but tensors.
    """
    try:
        check_weights(path)
        found = _reader(path)(path)
        _check_names(found)
        return found
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(
            "E-CHECKPOINT-MISSING", "{path}: no such file; give a checkpoint that exists", path=path
        ) from None
    except Exception as error:  # a damaged pickle can raise any exception
        check_no_text(path)
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            "E-CHECKPOINT-DAMAGED",
            "{path} is truncated, corrupt or no checkpoint ({reason}); download or copy this file again",
            path=path,
            reason=reason,
        ) from error


def _check_names(found: WeightFile) -> None:
    """Raises ValueError for names that no layer has, and that would take long to compare with patterns."""
    longest = max(map(len, found.tensors), default=0)
    if longest > _LONGEST_NAME:
        raise ValueError(f"a name has {longest} letters")


def _reader(path: Path):
    """What reads a file, by its first bytes; by its name where they say nothing."""
    with path.open("rb") as file:
        beginning = file.read(9)
    if is_safetensors(beginning):
        return _read_safetensors
    if beginning.startswith(b"PK"):
        return _read_torch_zip
    damaged = path.suffix == ".safetensors" and not beginning.startswith(b"\x80")
    return _read_safetensors if damaged else _read_pickle


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
            raise InputError(
                "E-SAFETENSORS-TYPE",
                "{path}: {name} is of type {dtype}; valid are {safetensors_types}",
                path=path,
                name=name,
                dtype=entry["dtype"],
                safetensors_types=SAFETENSORS_TYPES,
            )
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
        names = archive.namelist()
        pickled = [name for name in names if name.split("/")[-1] == "data.pkl"]
        if len(pickled) != 1:
            raise InputError(
                "E-CHECKPOINT-ARCHIVE",
                "{path} is an archive, not the weights (it holds {names}, ...): unpack it and give the file inside",
                path=path,
                names=names[:3],
            )
        packed = sum(entry.file_size for entry in archive.infolist() if entry.compress_type != zipfile.ZIP_STORED)
        if packed > _MOST_PACKED * data.size:
            raise ValueError(f"its entries claim to be {packed} bytes when unpacked")
        folder = pickled[0].removesuffix("data.pkl")
        if f"{folder}byteorder" in names and archive.read(f"{folder}byteorder") != b"little":
            raise InputError(
                "E-CHECKPOINT-BIG-ENDIAN",
                "{path} was written on a big-endian machine; save it again on a little-endian one",
                path=path,
            )
        storages: dict[str, Storage] = {}

        def storage(key: str, dtype: np.dtype, size: int) -> Storage:
            if key not in storages:
                entry = _zip_entry(archive, archive.getinfo(f"{folder}data/{key}"), data)
                storages[key] = Storage(dtype, size, entry[: size * dtype.itemsize].view(dtype))
            return storages[key]

        content = _zip_entry(archive, archive.getinfo(pickled[0]), data)
        tree = pickles.load(io.BytesIO(content.tobytes()), path, storage)
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
    storages: dict[str, Storage] = {}

    def storage(key: str, dtype: np.dtype, size: int) -> Storage:
        return storages.setdefault(key, Storage(dtype, size))

    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as stream:
        tree = pickles.load(stream, path, storage)
        if tree != _LEGACY_MAGIC:
            return WeightFile(state_dictionary(tree, path), PADDLE)
        for _ in ("protocol version", "system", "tree"):
            tree = pickles.load(stream, path, storage)
        keys = pickles.load(stream, path, storage)
        _map_storages(np.memmap(path, np.uint8, "r"), stream.tell(), [storages[key] for key in keys])
    return WeightFile(state_dictionary(tree, path), PYTORCH)


def _map_storages(data: np.ndarray, start: int, storages: list[Storage]) -> None:
    """Gives each storage its bytes: they follow the pickles, each after its size as a 64 bit number."""
    for storage in storages:
        end = start + 8 + storage.size * storage.dtype.itemsize
        if int.from_bytes(data[start : start + 8].tobytes(), "little") != storage.size or end > data.size:
            raise ValueError("the data end too early")
        storage.array = data[start + 8 : end].view(storage.dtype)
        start = end
