"""Paddle Inference: Paddle's programs without Python between their operations; for GPUs."""

from __future__ import annotations

from pathlib import Path

import paddle
from paddle import inference

from ppt2v.environment import threads

from .eager import EagerRunner
from .export import ExportingEngine
from .program import Program
from .trace import save

_MODEL = "model"


class InferenceRunner:
    """Runs an exported program in the precision of its weights, else, in float32, the network itself."""

    def __init__(self, program: Program, model: Path):
        self._program = program
        self._predictor = inference.create_predictor(_config(model))
        self._rescuer: EagerRunner | None = None

    @property
    def half(self) -> bool:
        return self._rescuer is None and EagerRunner(self._program).half

    def __call__(self, inputs: list) -> list:
        tensors = [one if isinstance(one, paddle.Tensor) else paddle.to_tensor(one) for one in inputs]
        if self._rescuer:
            return self._rescuer(tensors)
        # Copied, since the next call writes its outputs into the same memory.
        outputs = [output.clone() for output in self._predictor.run(tensors)]
        threads.keep_to()
        return outputs

    def use_float32(self) -> None:
        if self.half:
            self._rescuer = EagerRunner(self._program)
            self._rescuer.use_float32()

    def restore(self) -> None:
        if self._rescuer:
            self._rescuer.restore()
            self._rescuer = None


class InferenceEngine(ExportingEngine):
    """Computes in the precision of Paddle's networks."""

    name, version = "inference", paddle.__version__

    def _write(self, program: Program, folder: Path) -> None:
        save(program, folder / _MODEL)

    def _open(self, program: Program, folder: Path) -> InferenceRunner:
        return InferenceRunner(program, folder / _MODEL)


def _config(model: Path) -> inference.Config:
    config = inference.Config(f"{model}.json", f"{model}.pdiparams")
    config.disable_glog_info()
    config.enable_new_ir(True)
    config.enable_new_executor()
    device = paddle.get_device()
    if device.startswith("gpu"):
        config.enable_use_gpu(256, int(device.partition(":")[2] or 0))
    else:
        # Without oneDNN, which in Paddle 3.3 fails on tensors without elements: they stand for "no anchor yet".
        config.disable_gpu()
        config.disable_mkldnn()
        config.set_cpu_math_library_num_threads(threads.threads())
    return config
