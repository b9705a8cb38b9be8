"""Paddle networks as static programs."""

from __future__ import annotations

import ctypes
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import paddle

from .program import Program


class Traced(NamedTuple):
    """A static program. Its operations live only as long as ``owner`` does."""

    program: object
    outputs: list
    parameters: dict[str, Parameter]  # by the names that the program knows them by
    owner: object


class Parameter(NamedTuple):
    """A weight: its name in the network, None for one that is not the network's, and its numbers."""

    name: str | None
    array: np.ndarray  # on the memory of the network's own


class _Layer(paddle.nn.Layer):
    """A program in the form that Paddle traces."""

    def __init__(self, program: Program):
        super().__init__()
        self.network = program.network
        # Paddle rewrites the source code of what it traces, but not of lambdas nor of what they call. Nothing in a
        # network depends on the numbers in its tensors, so this is not needed, and it would take most of the time.
        self._run = lambda inputs: program.forward(inputs)
        self.eval()

    def forward(self, inputs):
        return self._run(inputs)


@contextmanager
def _temporary_folder() -> Iterator[None]:
    """Lets Paddle write the code that it traces where everybody can, and not below the home folder."""
    from paddle.jit.dy2static import utils

    original = utils.get_temp_dir
    with tempfile.TemporaryDirectory(prefix="ppt2v-") as folder:
        utils.get_temp_dir = lambda: folder
        try:
            yield
        finally:
            utils.get_temp_dir = original


@_temporary_folder()
def save(program: Program, path: Path) -> None:
    """Writes ``path``.json and ``path``.pdiparams, for Paddle Inference."""
    paddle.jit.save(_Layer(program), str(path), input_spec=[program.inputs()])


@_temporary_folder()
def trace(program: Program) -> Traced:
    """Records what ``program`` computes, for the sizes that its inputs leave open."""
    layer = _Layer(program)
    static = paddle.jit.to_static(layer.forward, input_spec=[program.inputs()], full_graph=True)
    concrete = static.concrete_program
    tensors, values = concrete.parameters
    names = {value.get_defining_op().attrs()["parameter_name"]: tensor for tensor, value in zip(tensors, values)}
    own = {tensor.name: name for name, tensor in named_tensors(program.network)}
    parameters = {name: Parameter(own.get(tensor.name), shared(tensor)) for name, tensor in names.items()}
    return Traced(concrete.main_program, paddle.utils.flatten(concrete.outputs), parameters, (layer, static))


def named_tensors(network) -> Iterator[tuple[str, paddle.Tensor]]:
    """The weights of a network by name, each once, with the numbers that no training changes."""
    yield from network.named_parameters()
    yield from network.named_buffers()


def shared(tensor: paddle.Tensor) -> np.ndarray:
    """A tensor's own memory as an array."""
    dtype = np.dtype(str(tensor.dtype).rsplit(".", 1)[-1])
    memory = (ctypes.c_byte * (tensor.size * dtype.itemsize)).from_address(tensor.data_ptr())
    return np.frombuffer(memory, dtype).reshape(tensor.shape)
