"""OpenVINO: the fastest way on a CPU. Paddle's programs are exported once and kept in the cache."""
from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openvino as ov
import paddle

from .. import __version__
from ..errors import UnsupportedError
from .cache import Cache
from .eager import EagerRunner
from .program import Program
from .trace import trace
from .translate import translate

_PRECISIONS = {"float32": "f32", "bfloat16": "bf16"}
_MODEL = "model.xml"
TOLERANCE = 1e-3  # of an output's standard deviation


class OpenVINORunner:
    """Runs an exported program; tensors go in as Paddle's or NumPy's and come out as NumPy's."""

    def __init__(self, model: ov.Model | Path, precision: str):
        self._model, self._own_precision = model, precision
        self._compiled: ov.CompiledModel | None = None
        self._precision = precision

    @property
    def half(self) -> bool:
        return self._precision != "float32"

    def __call__(self, inputs: list) -> list:
        if self._compiled is None:
            self._compiled = compile_model(self._model, self._precision)
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
            self._precision, self._compiled = precision, None


class OpenVINOEngine:
    """Exports programs to OpenVINO.

    Args:
        precision: "float32" or "bfloat16", in which it computes; weights and what goes in and out are float32.
        cache: where exported programs are kept.
        before_export: called before a program is exported, which takes a while.
    """

    def __init__(
        self, precision: str = "float32", cache: Cache | None = None, before_export: Callable[[], None] = lambda: None
    ):
        self.precision, self.cache, self._before_export = precision, cache or Cache(), before_export
        self._ready: dict[str, tuple[dict, OpenVINORunner]] = {}

    def prepare(self, program: Program) -> OpenVINORunner | EagerRunner:
        """A runner; an eager one, with a warning, where OpenVINO cannot run the program or runs it wrongly."""
        kind, key = type(program).__name__, self._key(program)
        if kind not in self._ready or self._ready[kind][0] != key:
            self._ready.pop(kind, None)  # the old one's memory goes before the new one's comes
            try:
                model = self.cached(program) or self._exported(program, key)
            except UnsupportedError as error:
                warnings.warn(f"{kind} runs eagerly, which is slower: {error}", stacklevel=2)
                return EagerRunner(program)
            self._ready[kind] = key, OpenVINORunner(model, self.precision)
        return self._ready[kind][1]

    def cached(self, program: Program) -> Path | None:
        """Where the program is, if it was exported before."""
        folder = self.cache.find(self._key(program))
        return folder and folder / _MODEL

    def _exported(self, program: Program, key: dict) -> ov.Model | Path:
        self._before_export()
        program.load()
        traced = trace(program)
        model = translate(traced.program, traced.outputs, traced.parameters)
        check_against_eager(program, model)
        try:
            folder = self.cache.add(key, lambda folder: ov.save_model(model, folder / _MODEL, compress_to_fp16=False))
        except OSError as error:
            warnings.warn(f"exported again at the next start, since the cache cannot be used: {error}", stacklevel=2)
            model.traced = traced  # whose memory it stands on
            return model
        program.release()
        return folder / _MODEL

    def _key(self, program: Program) -> dict:
        """All that decides what is exported."""
        versions = {"ppt2v": __version__, "openvino": ov.get_version(), "paddle": paddle.__version__}
        return {"engine": "openvino", **program.identity(), "versions": versions}


def compile_model(model: ov.Model | Path, precision: str) -> ov.CompiledModel:
    """Makes a program ready for this machine; OMP_NUM_THREADS decides on the threads, as it does for Paddle."""
    settings = {"INFERENCE_PRECISION_HINT": _PRECISIONS[precision]}
    if os.getenv("OMP_NUM_THREADS", "").isdigit():
        settings["INFERENCE_NUM_THREADS"] = int(os.environ["OMP_NUM_THREADS"])
    return ov.Core().compile_model(model, "CPU", settings)


def check_against_eager(program: Program, model: ov.Model) -> None:
    """Compares an exported program with the eager network on small random inputs.

    Raises:
        UnsupportedError: they differ by more than ``TOLERANCE``.
    """
    inputs = [_random(spec, seed) for seed, spec in enumerate(program.inputs())]
    expected = [output.numpy() for output in EagerRunner(program)([paddle.to_tensor(array) for array in inputs])]
    for eager, exported in zip(expected, OpenVINORunner(model, "float32")(inputs)):
        difference = np.abs(exported - eager).max() / eager.std()
        if not difference <= TOLERANCE:
            raise UnsupportedError(f"what OpenVINO computes differs from Paddle by {difference:.1e} of the deviation")


def _random(spec, seed: int) -> np.ndarray:
    shape = [2 if size in (None, -1) else size for size in spec.shape]
    generator = np.random.default_rng(seed)
    if str(spec.dtype).endswith("int64"):
        return generator.integers(0, 2, shape)
    return generator.standard_normal(shape, np.float32)
