"""The tensors of a pickle, without running it: a machine that knows containers and tensors, and can call nothing.

Python's own unpickler, even with its look-up of names closed, takes memory without end for the number of a memo, and
time without end for keys that contain each other. Here every step takes time and memory in proportion to the bytes that
it was read from.
"""

from __future__ import annotations

import pickletools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Callable, NamedTuple, Protocol

import numpy as np

from ppt2v.errors import InputError

from .dtypes import BFLOAT16, STORAGE_TYPES, TORCH_TYPES

_PADDLE_NAME_TABLE = "StructuredToParameterName@@"
_STATE_DICTIONARIES = ("state_dict", "string_to_param")  # of PyTorch Lightning; of textual inversions
_PARAMETERS = "_parameters"  # where a torch.nn.ParameterDict keeps them


class Stream(Protocol):
    """Bytes of which reading never gives more, nor takes memory for more, than there are."""

    def read(self, size: int) -> bytes: ...

    def readline(self) -> bytes: ...

    def tell(self) -> int: ...


class Storage:
    """The numbers that one or more tensors share."""

    def __init__(self, dtype: np.dtype, size: int, array: np.ndarray | None = None) -> None:
        self.dtype, self.size, self.array = dtype, size, array


def load(stream: Stream, path: Path, storage: Callable[[str, np.dtype, int], Storage]) -> Any:
    """What a pickle holds: containers, numbers and texts, tensors that ``state_dictionary`` takes, and stand-ins.

    Args:
        stream: at the pickle's first byte; afterwards behind its last.
        path: the file, for errors.
        storage: gives the storage of a key, with the type and the number of its elements.

    Raises:
        InputError: numbers of a type that no weights have.
        Exception: of any kind, for a damaged pickle.
    """
    start = stream.tell()
    machine = _Machine(path, storage)
    for operation, argument, place in pickletools.genops(stream):
        machine.length = place - start
        machine.step(operation.name, argument)
    return machine.stack.pop()


def state_dictionary(tree: Any, path: Path) -> dict[str, np.ndarray]:
    """The state dictionary in what a pickle held: the whole of it, or one of the entries in which it may be.

    Raises:
        InputError: anything but a dictionary of tensors.
    """
    for entry in _STATE_DICTIONARIES:
        if isinstance(tree, dict) and isinstance(_opened(tree.get(entry)), dict):
            tree = _opened(tree[entry])
    if not isinstance(tree, dict):
        raise InputError(
            "E-CHECKPOINT-CONTENT",
            "{path} holds a {kind}; a checkpoint is a dictionary of tensors",
            path=path,
            kind=_kind(tree),
        )
    return {_text(name, path): _array(name, value, path) for name, value in tree.items() if name != _PADDLE_NAME_TABLE}


def _opened(value: Any) -> Any:
    """The parameters of a torch.nn.ParameterDict; else the value itself."""
    return value.state[_PARAMETERS] if isinstance(value, _Object) and _PARAMETERS in value.state else value


def _text(name: Any, path: Path) -> str:
    if not isinstance(name, (str, int)):
        raise InputError(
            "E-CHECKPOINT-NAMES",
            "{path} holds a {kind} as a name; a checkpoint is a dictionary of tensors by name",
            path=path,
            kind=_kind(name),
        )
    return str(name)


def _array(name: Any, value: Any, path: Path) -> np.ndarray:
    if isinstance(value, tuple) and len(value) == 2:  # paddle.save of a single tensor: its name and its array
        value = value[1]
    if isinstance(value, (_Tensor, _NumpyArray)):
        return value.array()
    raise InputError(
        "E-CHECKPOINT-REFUSED",
        "{path}: {name!r} is a {kind}, which is refused; a checkpoint may hold tensors only",
        path=path,
        name=name,
        kind=_kind(value),
    )


def _kind(value: Any) -> str:
    if isinstance(value, (_Object, _Name)):
        return ".".join(value.kind if isinstance(value, _Object) else value)
    return f"builtins.{type(value).__name__}"


class _Name(NamedTuple):
    """A class or function that a pickle names: neither imported nor called."""

    module: str
    name: str


class _Object:
    """Stands for what a pickle makes by calling something that it names."""

    def __init__(self, kind: _Name) -> None:
        self.kind = kind
        self.state: Mapping[str, Any] = {}

    def build(self, state: Any) -> None:
        if isinstance(state, dict):
            self.state = state


class _Tensor:
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


class _NumpyType:
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


class _NumpyArray:
    """Stands for numpy.ndarray in a pickle."""

    def __init__(self, data: bytes = b"", dtype: _NumpyType | None = None, shape: tuple = (), order: str = "C") -> None:
        self.data, self.dtype, self.shape, self.order = data, dtype, shape, order

    def array(self) -> np.ndarray:
        return np.frombuffer(self.data, self.dtype.dtype()).reshape(self.shape, order=self.order)


class _Machine:
    """A stack, a memo, and a method for each operation of pickles, under its name in ``pickletools``."""

    def __init__(self, path: Path, storage: Callable[[str, np.dtype, int], Storage]) -> None:
        self.path, self.storage = path, storage
        self.stack: list[Any] = []
        self.length = 0  # bytes of the pickle so far
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}
        self._converted = 0

    def step(self, operation: str, argument: Any) -> None:
        if operation in _VALUES:
            self.stack.append(argument)
        elif operation in _CONSTANTS:
            self.stack.append(_CONSTANTS[operation]())
        elif operation in _OPERATIONS:
            _OPERATIONS[operation](self) if argument is None else _OPERATIONS[operation](self, argument)
        elif operation not in _WITHOUT_EFFECT:
            raise ValueError(f"it has the operation {operation}")

    def convert(self, values):
        """The same; ValueError where more is converted than was read, since honest pickles convert nothing twice."""
        self._converted += len(values)
        if self._converted > self.length:
            raise ValueError("it converts the same data again and again")
        return values

    def mark(self) -> None:
        self._marks.append(len(self.stack))

    def pop(self) -> None:
        if self._marks and self._marks[-1] == len(self.stack):
            self._marks.pop()
        else:
            self.stack.pop()

    def pop_mark(self) -> None:
        self._marked()

    def dup(self) -> None:
        self.stack.append(self.stack[-1])

    def memoize(self, number: int | None = None) -> None:
        self._memo[len(self._memo) if number is None else number] = self.stack[-1]

    def get(self, number: int) -> None:
        self.stack.append(self._memo[number])

    def tuple(self) -> None:
        self.stack.append(tuple(self._marked()))

    def tuple1(self) -> None:
        self.stack.append(tuple(self._last(1)))

    def tuple2(self) -> None:
        self.stack.append(tuple(self._last(2)))

    def tuple3(self) -> None:
        self.stack.append(tuple(self._last(3)))

    def list(self) -> None:
        self.stack.append(self._marked())

    def append(self) -> None:
        self._extend(self._last(1))

    def appends(self) -> None:
        self._extend(self._marked())

    def dict(self) -> None:
        values = self._marked()
        self.stack.append({})
        self._set(values)

    def setitem(self) -> None:
        self._set(self._last(2))

    def setitems(self) -> None:
        self._set(self._marked())

    def additems(self) -> None:
        self._marked()

    def frozenset(self) -> None:
        self._marked()
        self.stack.append(_Object(_Name("builtins", "frozenset")))

    def stack_global(self) -> None:
        module, name = self._last(2)
        if not isinstance(module, str) or not isinstance(name, str):
            raise ValueError("a name is no text")
        self.stack.append(_Name(module, name))

    def global_(self, names: str) -> None:
        self.stack.append(_Name(*names.split(" ", 1)))

    def inst(self, names: str) -> None:
        self._make(_Name(*names.split(" ", 1)), self._marked())

    def obj(self) -> None:
        kind, *arguments = self._marked()
        self._make(kind, arguments)

    def reduce(self) -> None:
        self._make(*self._last(2))

    def newobj_ex(self) -> None:
        self._make(*self._last(3)[:2])

    def build(self) -> None:
        [state] = self._last(1)
        made = self.stack[-1]
        if isinstance(made, _NumpyArray):
            _, made.shape, made.dtype, fortran, data = state
            made.data = self.convert(data).encode("latin1") if isinstance(data, str) else data
            made.order = "F" if fortran else "C"
        elif isinstance(made, (_Object, _NumpyType)):
            made.build(state)

    def binpersid(self) -> None:
        [(_, kind, key, _, size, *view)] = self._last(1)
        name = kind.name if isinstance(kind, _Name) else ""
        if name not in STORAGE_TYPES:
            raise InputError(
                "E-CHECKPOINT-NUMBERS",
                "{path} holds numbers of type {kind}; valid are {storage_types}",
                path=self.path,
                kind=_kind(kind),
                storage_types=STORAGE_TYPES,
            )
        if any(view):
            raise InputError(
                "E-CHECKPOINT-VIEWS",
                "{path} holds views of storages; save it again with a newer PyTorch",
                path=self.path,
            )
        self.stack.append(self.storage(key, STORAGE_TYPES[name], size))

    def _last(self, number: int) -> list:
        """Takes the last values from the stack, the first of them first."""
        start = len(self.stack) - number
        if start < 0:
            raise ValueError("an operation lacks its arguments")
        values = self.stack[start:]
        del self.stack[start:]
        return values

    def _marked(self) -> list:
        return self._last(len(self.stack) - self._marks.pop())

    def _extend(self, values: list) -> None:
        if isinstance(self.stack[-1], list):
            self.stack[-1].extend(values)

    def _set(self, values: list) -> None:
        if isinstance(self.stack[-1], dict):
            self.stack[-1].update((_key(key), value) for key, value in zip(values[::2], values[1::2]))

    def _make(self, kind: Any, arguments: Any) -> None:
        """Puts on the stack what stands for ``kind(*arguments)``."""
        if not isinstance(kind, _Name):
            raise ValueError("it calls what it has not named")
        self.stack.append(_MEANINGS[kind](self, *arguments) if kind in _MEANINGS else _Object(kind))


def _key(key: Any) -> Any:
    """A key as it is, or an object for one that could take without end to compare."""
    return key if isinstance(key, (str, int, float, bytes, _Name, type(None))) else _Object(_Name("builtins", "object"))


def _typed_tensor(_, storage: Storage, offset: int, shape: tuple, stride: tuple, _grad, _hooks, kind: _Name, *__):
    """A tensor of a type that has no storage of its own."""
    if kind.name not in TORCH_TYPES:
        raise ValueError(f"it holds numbers of type {kind.name}; valid are {', '.join(TORCH_TYPES)}")
    return _Tensor(storage, offset, shape, stride, TORCH_TYPES[kind.name])


_VALUES = frozenset(  # operations that put their argument on the stack
    operation.name
    for operation in pickletools.opcodes
    if operation.arg and operation.stack_after not in ([], [pickletools.anyobject])
)
_CONSTANTS: Mapping[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_TUPLE": tuple,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_SET": lambda: _Object(_Name("builtins", "set")),
}
_WITHOUT_EFFECT = ("PROTO", "FRAME", "STOP", "READONLY_BUFFER")
_OPERATIONS: Mapping[str, Callable] = {
    **{
        operation.name: getattr(_Machine, operation.name.lower())
        for operation in pickletools.opcodes
        if hasattr(_Machine, operation.name.lower())
    },
    "GLOBAL": _Machine.global_,
    "NEWOBJ": _Machine.reduce,
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _Machine.memoize),
    **dict.fromkeys(("BINGET", "LONG_BINGET"), _Machine.get),
}
_MEANINGS: Mapping[_Name, Callable] = {
    _Name("collections", "OrderedDict"): lambda machine, pairs=(): {
        _key(key): value for key, value in machine.convert(pairs)
    },
    _Name("builtins", "tuple"): lambda machine, values=(): tuple(machine.convert(values)),
    _Name("__builtin__", "tuple"): lambda machine, values=(): tuple(machine.convert(values)),
    _Name("_codecs", "encode"): lambda machine, text, *_: machine.convert(text).encode("latin1"),
    _Name("torch._utils", "_rebuild_tensor"): lambda _, *arguments: _Tensor(*arguments[:4]),
    _Name("torch._utils", "_rebuild_tensor_v2"): lambda _, *arguments: _Tensor(*arguments[:4]),
    _Name("torch._utils", "_rebuild_tensor_v3"): _typed_tensor,
    _Name("torch._utils", "_rebuild_parameter"): lambda _, tensor, *__: tensor,
    _Name("torch._utils", "_rebuild_parameter_with_state"): lambda _, tensor, *__: tensor,
    _Name("numpy", "dtype"): lambda _, code, *__: _NumpyType(code),
    **dict.fromkeys(
        (_Name("numpy.core.multiarray", "_reconstruct"), _Name("numpy._core.multiarray", "_reconstruct")),
        lambda *_: _NumpyArray(),
    ),
    **dict.fromkeys(
        (_Name("numpy.core.numeric", "_frombuffer"), _Name("numpy._core.numeric", "_frombuffer")),
        lambda _, *arguments: _NumpyArray(*arguments),
    ),
}
