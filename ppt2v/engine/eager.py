"""Paddle's eager mode: every operation by itself, on every device."""

from __future__ import annotations

import paddle

from ppt2v.environment.devices import PRECISIONS

from . import Samples
from .blocks import Bring, at_home, send_home, to_accelerator, visiting
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
        self._load()
        return self._compute([self._cast(tensor) for tensor in inputs])

    def _load(self) -> None:
        self._program.load()

    def _compute(self, inputs: list) -> list:
        return self._program.forward(inputs)

    def _cast(self, tensor: paddle.Tensor) -> paddle.Tensor:
        wanted = self._program.network.dtype
        return tensor.astype(wanted) if tensor.is_floating_point() and tensor.dtype != wanted else tensor

    def use_float32(self) -> None:
        self._load()  # weights that have left the memory take no other type
        self._program.network.to(dtype="float32")

    def restore(self) -> None:
        if self._program.network.dtype != self._precision:
            self._program.network.to(dtype=self._precision)


class BlockRunner(EagerRunner):
    """The same for ``BlockwiseEngine``."""

    def __init__(self, program: Program, bring: Bring):
        super().__init__(program)
        self._blocks, self._bring = program.blocks(), bring

    def _load(self) -> None:
        with at_home():
            super()._load()
        send_home(self._program.network)

    def _compute(self, inputs: list) -> list:
        with visiting(self._program.network, self._blocks, self._bring):
            return super()._compute(inputs)


class EagerEngine:
    """The engine that runs everything; the others are held against it."""

    samples: Samples | None = None

    def prepare(self, program: Program) -> EagerRunner:
        return EagerRunner(program)

    def release(self, program: Program) -> None:
        program.release()


class BlockwiseEngine(EagerEngine):
    """The same with each block of a network on the accelerator only while it computes; ``bring`` copies it there."""

    def __init__(self, bring: Bring = to_accelerator):
        self._bring = bring

    def prepare(self, program: Program) -> BlockRunner:
        return BlockRunner(program, self._bring)
