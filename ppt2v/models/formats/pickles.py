"""The tensors of a pickle, without running it: a machine that knows containers and tensors, and can call nothing.

Python's own unpickler, even with its look-up of names closed, takes memory without end for the number of a memo, and
time without end for keys that contain each other. Here every step takes time and memory in proportion to the bytes that
it was read from.
"""

from __future__ import annotations

import pickletools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Callable, Protocol

import numpy as np

from ppt2v.errors import InputError

from .dtypes import STORAGE_TYPES, TORCH_TYPES
from .stand_ins import Name, NumpyArray, NumpyType, Object, Storage, Tensor, kind_of


class Stream(Protocol):
    """Bytes of which reading never gives more, nor takes memory for more, than there are."""

    def read(self, size: int) -> bytes: ...

    def readline(self) -> bytes: ...

    def tell(self) -> int: ...


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
        self.stack.append(Object(Name("builtins", "frozenset")))

    def stack_global(self) -> None:
        module, name = self._last(2)
        if not isinstance(module, str) or not isinstance(name, str):
            raise ValueError("a name is no text")
        self.stack.append(Name(module, name))

    def global_(self, names: str) -> None:
        self.stack.append(Name(*names.split(" ", 1)))

    def inst(self, names: str) -> None:
        self._make(Name(*names.split(" ", 1)), self._marked())

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
        if isinstance(made, NumpyArray):
            _, made.shape, made.dtype, fortran, data = state
            made.data = self.convert(data).encode("latin1") if isinstance(data, str) else data
            made.order = "F" if fortran else "C"
        elif isinstance(made, (Object, NumpyType)):
            made.build(state)

    def binpersid(self) -> None:
        [(_, kind, key, _, size, *view)] = self._last(1)
        name = kind.name if isinstance(kind, Name) else ""
        if name not in STORAGE_TYPES:
            raise InputError(
                "E-CHECKPOINT-NUMBERS",
                "{path} holds numbers of type {kind}; valid are {storage_types}",
                path=self.path,
                kind=kind_of(kind),
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
        if not isinstance(kind, Name):
            raise ValueError("it calls what it has not named")
        self.stack.append(_MEANINGS[kind](self, *arguments) if kind in _MEANINGS else Object(kind))


def _key(key: Any) -> Any:
    """A key as it is, or an object for one that could take without end to compare."""
    return key if isinstance(key, (str, int, float, bytes, Name, type(None))) else Object(Name("builtins", "object"))


def _typed_tensor(_, storage: Storage, offset: int, shape: tuple, stride: tuple, _grad, _hooks, kind: Name, *__):
    """A tensor of a type that has no storage of its own."""
    if kind.name not in TORCH_TYPES:
        raise ValueError(f"it holds numbers of type {kind.name}; valid are {', '.join(TORCH_TYPES)}")
    return Tensor(storage, offset, shape, stride, TORCH_TYPES[kind.name])


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
    "EMPTY_SET": lambda: Object(Name("builtins", "set")),
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
_MEANINGS: Mapping[Name, Callable] = {
    Name("collections", "OrderedDict"): lambda machine, pairs=(): {
        _key(key): value for key, value in machine.convert(pairs)
    },
    Name("builtins", "tuple"): lambda machine, values=(): tuple(machine.convert(values)),
    Name("__builtin__", "tuple"): lambda machine, values=(): tuple(machine.convert(values)),
    Name("_codecs", "encode"): lambda machine, text, *_: machine.convert(text).encode("latin1"),
    Name("torch._utils", "_rebuild_tensor"): lambda _, *arguments: Tensor(*arguments[:4]),
    Name("torch._utils", "_rebuild_tensor_v2"): lambda _, *arguments: Tensor(*arguments[:4]),
    Name("torch._utils", "_rebuild_tensor_v3"): _typed_tensor,
    Name("torch._utils", "_rebuild_parameter"): lambda _, tensor, *__: tensor,
    Name("torch._utils", "_rebuild_parameter_with_state"): lambda _, tensor, *__: tensor,
    Name("numpy", "dtype"): lambda _, code, *__: NumpyType(code),
    **dict.fromkeys(
        (Name("numpy.core.multiarray", "_reconstruct"), Name("numpy._core.multiarray", "_reconstruct")),
        lambda *_: NumpyArray(),
    ),
    **dict.fromkeys(
        (Name("numpy.core.numeric", "_frombuffer"), Name("numpy._core.numeric", "_frombuffer")),
        lambda _, *arguments: NumpyArray(*arguments),
    ),
}
