"""The tensors of a pickle, without running it: nothing that it names is imported or called."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any, Callable

import numpy as np

from ppt2v.errors import InputError

# NumPy has no bfloat16: such numbers are kept as their 16 bits, marked by this type, and widened when they are used.
BFLOAT16 = np.dtype([("bfloat16", "<u2")])

TORCH_TYPES = {
    "DoubleStorage": np.dtype("<f8"),
    "FloatStorage": np.dtype("<f4"),
    "HalfStorage": np.dtype("<f2"),
    "BFloat16Storage": BFLOAT16,
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
    "ShortStorage": np.dtype("<i2"),
    "CharStorage": np.dtype("i1"),
    "ByteStorage": np.dtype("u1"),
    "BoolStorage": np.dtype("?"),
}

_PADDLE_NAME_TABLE = "StructuredToParameterName@@"
_STATE_DICTIONARIES = ("state_dict", "string_to_param")  # of PyTorch Lightning; of textual inversions


class Storage:
    """The numbers that one or more tensors share."""

    def __init__(self, dtype: np.dtype, size: int, array: np.ndarray | None = None) -> None:
        self.dtype, self.size, self.array = dtype, size, array


class _Tensor:
    """A view of a storage, in elements; made into an array when the whole file has been read."""

    def __init__(self, storage: Storage, offset: int, shape: tuple, stride: tuple, *_) -> None:
        self.storage, self.offset, self.shape, self.stride = storage, offset, shape, stride

    def array(self) -> np.ndarray:
        data = self.storage.array
        if 0 in self.shape:
            return np.empty(self.shape, data.dtype)
        last = self.offset + sum((size - 1) * stride for size, stride in zip(self.shape, self.stride))
        if self.offset < 0 or min(self.stride, default=0) < 0 or last >= data.size:
            raise ValueError("a tensor reaches beyond its data")
        strides = [stride * data.itemsize for stride in self.stride]
        return np.lib.stride_tricks.as_strided(data[self.offset :], self.shape, strides, writeable=False)


class _NumpyType:
    """Stands for numpy.dtype in a pickle."""

    def __init__(self, code: str, *_) -> None:
        self.code, self.order = code, "<"

    def __setstate__(self, state: tuple) -> None:
        self.order = state[1]

    def dtype(self) -> np.dtype:
        dtype = np.dtype(self.code).newbyteorder(self.order)
        if dtype.kind not in "fiub":
            raise ValueError(f"arrays of {self.code!r} are no weights")
        return BFLOAT16 if dtype == np.uint16 else dtype


class _NumpyArray:
    """Stands for numpy.ndarray in a pickle."""

    def __init__(self, *_) -> None:
        self.state: tuple = ()

    def __setstate__(self, state: tuple) -> None:
        self.state = state

    def array(self) -> np.ndarray:
        _, shape, numpy_type, fortran, data = self.state
        data = data.encode("latin1") if isinstance(data, str) else data
        return np.frombuffer(data, numpy_type.dtype()).reshape(shape, order="F" if fortran else "C")


class _Inert:
    """Stands for any other class or function that a pickle names: takes whatever is done to it, and does nothing."""

    def __init__(self, *_, **__) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    append = extend = add = __setstate__


_MEANINGS: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("builtins", "tuple"): tuple,
    ("__builtin__", "tuple"): tuple,
    ("_codecs", "encode"): lambda text, *_: text.encode("latin1"),
    ("torch._utils", "_rebuild_tensor"): lambda *arguments: _Tensor(*arguments),
    ("torch._utils", "_rebuild_tensor_v2"): lambda *arguments: _Tensor(*arguments),
    ("torch._utils", "_rebuild_parameter"): lambda tensor, *_: tensor,
    ("numpy", "ndarray"): _NumpyArray,
    ("numpy", "dtype"): _NumpyType,
    ("numpy.core.multiarray", "_reconstruct"): _NumpyArray,
    ("numpy._core.multiarray", "_reconstruct"): _NumpyArray,
    **{("torch", name): dtype for name, dtype in TORCH_TYPES.items()},
}


class Unpickler(pickle.Unpickler):
    """Parses a pickle; the only callables that it can ever reach are those of ``_MEANINGS`` and ``_Inert``."""

    def __init__(self, file, path: Path, storage: Callable[[str, np.dtype, int], Storage]) -> None:
        super().__init__(file, encoding="latin1")
        self.path, self.storage = path, storage

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _MEANINGS:
            return _MEANINGS[module, name]
        return type(name, (_Inert,), {"__module__": module})

    def persistent_load(self, reference: tuple) -> Storage:
        _, dtype, key, _, size, *view = reference
        if not isinstance(dtype, np.dtype):
            valid = ", ".join(TORCH_TYPES)
            raise InputError(f"{self.path} holds numbers of type {_class_name(dtype)}; valid are {valid}")
        if any(view):
            raise InputError(f"{self.path} holds views of storages; save it again with a newer PyTorch")
        return self.storage(key, dtype, size)


def state_dictionary(tree: Any, path: Path) -> dict[str, np.ndarray]:
    """The state dictionary in what a pickle held: the whole of it, or one of the entries in which it may be."""
    for entry in _STATE_DICTIONARIES:
        if isinstance(tree, dict) and isinstance(tree.get(entry), dict):
            tree = tree[entry]
    if not isinstance(tree, dict):
        raise InputError(f"{path} holds a {_class_name(type(tree))}; a checkpoint is a dictionary of tensors")
    return {str(name): _array(name, value, path) for name, value in tree.items() if name != _PADDLE_NAME_TABLE}


def _array(name: Any, value: Any, path: Path) -> np.ndarray:
    if isinstance(value, tuple) and len(value) == 2:  # paddle.save of a single tensor: its name and its array
        value = value[1]
    if isinstance(value, (_Tensor, _NumpyArray)):
        return value.array()
    kind = _class_name(value if isinstance(value, type) else type(value))
    raise InputError(f"{path}: {name!r} is a {kind}, which is refused; a checkpoint may hold tensors only")


def _class_name(kind: Any) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
