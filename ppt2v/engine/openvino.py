"""OpenVINO: the fastest way on a CPU."""

from __future__ import annotations

import os
from pathlib import Path

import openvino as ov
import paddle

from .export import ExportingEngine
from .mapped import dropped
from .program import Program
from .trace import trace
from .translate import translate

_PRECISIONS = {"float32": "f32", "bfloat16": "bf16"}
_MODEL = "model.xml"


class OpenVINORunner:
    """Runs an exported program; tensors go in as Paddle's or NumPy's and come out as NumPy's."""

    def __init__(self, model: Path, precision: str):
        self._model, self._own_precision, self._precision = model, precision, precision
        self._compiled: ov.CompiledModel | None = None
        self._prepared: set[tuple] = set()  # shapes of inputs

    @property
    def half(self) -> bool:
        return self._precision != "float32"

    def __call__(self, inputs: list) -> list:
        shapes = tuple(tuple(tensor.shape) for tensor in inputs)
        if shapes in self._prepared:
            return self._infer(inputs)
        # OpenVINO lays out the weights anew when sizes are new; the mapped file is read for that alone.
        with dropped(self._model.with_suffix(".bin")):
            if self._compiled is None:
                self._compiled = compile_model(self._model, self._precision)
            outputs = self._infer(inputs)
        self._prepared.add(shapes)
        return outputs

    def _infer(self, inputs: list) -> list:
        # A request of its own for each call: what it returns is never overwritten by a later one.
        request = self._compiled.create_infer_request()
        request.infer([tensor.numpy() if isinstance(tensor, paddle.Tensor) else tensor for tensor in inputs])
        return [request.get_output_tensor(index).data for index in range(len(self._compiled.outputs))]

    def use_float32(self) -> None:
        self._switch("float32")

    def restore(self) -> None:
        self._switch(self._own_precision)

    def _switch(self, precision: str) -> None:
        if self._precision != precision:
            self._precision, self._compiled, self._prepared = precision, None, set()


class OpenVINOEngine(ExportingEngine):
    """Computes in "float32" or "bfloat16"; the weights and what goes in and out are float32 in both cases."""

    name, version = "openvino", ov.get_version()

    def _write(self, program: Program, folder: Path) -> None:
        traced = trace(program)
        model = translate(traced.program, traced.outputs, traced.parameters)
        ov.save_model(model, folder / _MODEL, compress_to_fp16=False)

    def _open(self, program: Program, folder: Path) -> OpenVINORunner:
        return OpenVINORunner(folder / _MODEL, self.precision)


def compile_model(model: Path, precision: str) -> ov.CompiledModel:
    """Makes a program ready for this machine; OMP_NUM_THREADS decides on the threads, as it does for Paddle."""
    settings = {"INFERENCE_PRECISION_HINT": _PRECISIONS[precision]}
    if os.getenv("OMP_NUM_THREADS", "").isdigit():
        settings["INFERENCE_NUM_THREADS"] = int(os.environ["OMP_NUM_THREADS"])
    return ov.Core().compile_model(model, "CPU", settings)
