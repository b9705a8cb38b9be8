"""OpenVINO: the fastest way on a CPU."""

from __future__ import annotations

from pathlib import Path

import paddle

from ppt2v.environment.devices import PRECISIONS
from ppt2v.environment.openvino import import_openvino
from ppt2v.environment.threads import threads
from ppt2v.version import __version__

from . import weights
from .export import ExportingEngine
from .precisions import compile_model
from .program import Program
from .quantization import Seen, quantized
from .trace import trace
from .translate import translate

ov = import_openvino()

_MODEL = "model.xml"


class OpenVINORunner:
    """Runs an exported program; tensors go in as Paddle's or NumPy's and come out as NumPy's.

    Args:
        model: in float32.
        precision: in which it computes.
    """

    def __init__(self, model: ov.Model, precision: str):
        self.model, self._own_precision, self._precision = model, precision, precision
        self._seen: dict[str, Seen] | None = None
        self._compiled: ov.CompiledModel | None = None
        self._threads = 0  # for which it is compiled

    @property
    def half(self) -> bool:
        return PRECISIONS[self._precision].rescue is not None

    def __call__(self, inputs: list) -> list:
        if self._compiled is None or self._threads != threads():
            self._compiled, self._threads = self._compile(), threads()
        # A request of its own for each call: what it returns is never overwritten by a later one.
        request = self._compiled.create_infer_request()
        request.infer([tensor.numpy() if isinstance(tensor, paddle.Tensor) else tensor for tensor in inputs])
        return [request.get_output_tensor(index).data for index in range(len(self._compiled.outputs))]

    def _compile(self) -> ov.CompiledModel:
        if self._seen is not None and self._precision == self._own_precision:
            return compile_model(quantized(self.model, self._seen), self._precision)
        return compile_model(self.model, self._precision)

    def quantize(self, seen: dict[str, Seen] | None) -> None:
        """Goes on in int8, by what was seen to come into the layers; None: without."""
        if seen is not self._seen:
            self._seen, self._compiled = seen, None

    def use_float32(self) -> None:
        rescue = PRECISIONS[self._precision].rescue
        if rescue is not None:
            self._switch(rescue)

    def restore(self) -> None:
        self._switch(self._own_precision)

    def _switch(self, precision: str) -> None:
        if self._precision != precision:
            self._precision, self._compiled = precision, None


class OpenVINOEngine(ExportingEngine):
    """Computes in any precision that the processor has; the weights and what goes in and out are float32."""

    name, version = "openvino", ov.get_version()

    def _write(self, program: Program, folder: Path) -> None:
        traced = trace(program)
        model = translate(traced.program, traced.outputs, traced.parameters)
        try:
            ov.save_model(model, folder / _MODEL, compress_to_fp16=False)
        except RuntimeError as error:  # also for a full disk
            raise OSError(str(error)) from error
        self._weights(program)

    def _open(self, program: Program, folder: Path) -> OpenVINORunner:
        model = ov.Core().read_model(folder / _MODEL)
        weights.attach(model, self._weights(program))
        program.release()  # they are in memory twice where they had to be written again
        return OpenVINORunner(model, self.precision)

    def _weights(self, program: Program) -> Path:
        """The folder of the weights that all programs of the network share."""
        versions = {"ppt2v": __version__}
        key = {"program": "weights", "form": weights.FORM, **program.network_identity(), "versions": versions}

        def write(folder: Path) -> None:
            program.load()
            weights.write(program.network, folder)

        return self.cache.find(key) or self.cache.add(key, write, program.model)
