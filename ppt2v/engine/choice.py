"""Which engine, and in which precision: checked before anything is loaded."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import NamedTuple

from ppt2v.engine import Engine
from ppt2v.environment.devices import dtype_name
from ppt2v.environment.threads import import_paddle
from ppt2v.errors import InputError

ENGINES = ("auto", "eager", "openvino", "inference")
# Steps of frames from which exporting is worth the wait; on larger models than the embedded one it pays earlier.
WORTH_EXPORTING = 40


class Choice(NamedTuple):
    """An engine by name, the precision that it computes in, and that of Paddle's networks."""

    engine: str
    precision: str
    network: str

    @property
    def eager(self) -> Choice:
        """The same without an engine, for work that is too short for one."""
        return Choice("eager", self.network, self.network)


def choose(engine: str, device: str, dtype) -> Choice:
    """The fastest engine that this machine has, or the one that is asked for.

    Args:
        engine: one of ``ENGINES``.
        device: as ``devices.device_name`` gives it.
        dtype: Paddle's dtype or its name; None: float16 on a GPU; on a CPU bfloat16 where OpenVINO runs and the
            processor computes in it, else float32.

    Raises:
        InputError: an engine that is unknown or not to be had here, or a precision that it lacks.
    """
    if engine not in ENGINES:
        raise InputError(f"unknown engine {engine!r}: choose {', '.join(ENGINES)}")
    obstacle = None if engine in ("eager", "inference") else _obstacle_to_openvino(device)
    if engine == "openvino" and obstacle:
        raise InputError(f"engine openvino: {obstacle}; or choose auto")
    if engine == "inference" and not _paddle_3():
        raise InputError("engine inference: it needs Paddle 3; pip install -U paddlepaddle, or choose auto")
    if engine == "openvino" or (engine == "auto" and not obstacle):
        precision = dtype_name(dtype, device, half_on_cpu="bfloat16")
        if dtype is None and _computes_in_bfloat16():
            precision = "bfloat16"
        return Choice("openvino", precision, "float32")
    precision = dtype_name(dtype, device)
    return Choice("inference" if engine == "inference" else "eager", precision, precision)


def build(choice: Choice, before_export: Callable[[], None] = lambda: None) -> Engine:
    """The engine itself; ``before_export`` is called when the person will have to wait for it."""
    if choice.engine == "eager":
        from .eager import EagerEngine

        return EagerEngine()
    if choice.engine == "inference":
        from .inference import InferenceEngine

        return InferenceEngine(choice.precision, before_export=before_export)
    from .openvino import OpenVINOEngine

    return OpenVINOEngine(choice.precision, before_export=before_export)


def _obstacle_to_openvino(device: str) -> str | None:
    """Why OpenVINO cannot be used, and what to do about it; None where it can."""
    if device != "cpu":
        return f"it runs on the CPU, and the device is {device}; choose the device cpu"
    if importlib.util.find_spec("openvino") is None:
        return "OpenVINO is not installed; pip install openvino"
    return None if _paddle_3() else "it needs Paddle 3; pip install -U paddlepaddle"


def _paddle_3() -> bool:
    return int(import_paddle().__version__.split(".")[0]) >= 3


def _computes_in_bfloat16() -> bool:
    import openvino as ov

    return "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
