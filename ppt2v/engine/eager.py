"""Paddle's eager mode: every operation by itself, on every device."""

from __future__ import annotations

import paddle

from ppt2v.environment.devices import PRECISIONS

from . import Samples
from .program import Program


class EagerRunner:
    """Calls the network itself; a network in half precision is put into float32 and back."""

    def __init__(self, program: Program):
        self._program = program
        self._precision = program.network.dtype

    @property
    def half(self) -> bool:
        return PRECISIONS[self._program.precision].rescue is not None

    @paddle.no_grad()
    def __call__(self, inputs: list) -> list:
        self._program.load()
        return self._program.forward([self._cast(tensor) for tensor in inputs])

    def _cast(self, tensor: paddle.Tensor) -> paddle.Tensor:
        wanted = self._program.network.dtype
        return tensor.astype(wanted) if tensor.is_floating_point() and tensor.dtype != wanted else tensor

    def use_float32(self) -> None:
        self._program.network.to(dtype="float32")

    def restore(self) -> None:
        if self._program.network.dtype != self._precision:
            self._program.network.to(dtype=self._precision)


class EagerEngine:
    """The engine that runs everything; the others are held against it."""

    samples: Samples | None = None

    def prepare(self, program: Program) -> EagerRunner:
        return EagerRunner(program)

    def release(self, program: Program) -> None:
        program.release()
