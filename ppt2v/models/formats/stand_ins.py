"""What stands for the objects of a pickle, whose classes are neither imported nor called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from .dtypes import BFLOAT16


class Storage:
    """The numbers that one or more tensors share."""

    def __init__(self, dtype: np.dtype, size: int, array: np.ndarray | None = None) -> None:
        self.dtype, self.size, self.array = dtype, size, array


class Name(NamedTuple):
    """A class or function that a pickle names: neither imported nor called."""

    module: str
    name: str


class Object:
    """Stands for what a pickle makes by calling something that it names."""

    def __init__(self, kind: Name) -> None:
        self.kind = kind
        self.state: Mapping[str, Any] = {}

    def build(self, state: Any) -> None:
        if isinstance(state, dict):
            self.state = state


class Tensor:
    """A view of a storage, in elements; made into an array when the whole file has been read."""

    def __init__(self, storage: Storage, offset: int, shape: tuple, stride: tuple, dtype: np.dtype | None = None):
        self.storage, self.offset, self.shape, self.stride, self.dtype = storage, offset, shape, stride, dtype

    def array(self) -> np.ndarray:
        data = self.storage.array if self.dtype is None else self.storage.array.view(self.dtype)
        if 0 in self.shape:
            return np.empty(self.shape, data.dtype)
        last = self.offset + sum((size - 1) * stride for size, stride in zip(self.shape, self.stride))
        if self.offset < 0 or min(self.stride, default=0) < 0 or last >= data.size:
            raise ValueError("a tensor reaches beyond its data")
        strides = [stride * data.itemsize for stride in self.stride]
        array = np.lib.stride_tricks.as_strided(data[self.offset :], self.shape, strides, writeable=False)
        if array.size > data.size:
            raise ValueError("a tensor claims more numbers than its data have")
        return array


class NumpyType:
    """Stands for numpy.dtype in a pickle."""

    def __init__(self, code: str) -> None:
        self.code, self.order = code, "<"

    def build(self, state: tuple) -> None:
        self.order = state[1]

    def dtype(self) -> np.dtype:
        dtype = np.dtype(self.code).newbyteorder(self.order)
        if dtype.kind not in "fiub":
            raise ValueError(f"arrays of {self.code!r} are no weights")
        return BFLOAT16 if dtype == np.uint16 else dtype


class NumpyArray:
    """Stands for numpy.ndarray in a pickle."""

    def __init__(self, data: bytes = b"", dtype: NumpyType | None = None, shape: tuple = (), order: str = "C") -> None:
        self.data, self.dtype, self.shape, self.order = data, dtype, shape, order

    def array(self) -> np.ndarray:
        return np.frombuffer(self.data, self.dtype.dtype()).reshape(self.shape, order=self.order)


def kind_of(value: Any) -> str:
    if isinstance(value, (Object, Name)):
        return ".".join(value.kind if isinstance(value, Object) else value)
    return f"builtins.{type(value).__name__}"
