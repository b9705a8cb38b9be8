"""Which engine, and in which precision: checked before anything is loaded."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from typing import NamedTuple

from ppt2v.environment import processor
from ppt2v.environment.devices import DTYPES, INT8, dtype_name
from ppt2v.environment.threads import import_paddle
from ppt2v.errors import InputError
from ppt2v.language import Message, either, words

from . import Engine


class Choice(NamedTuple):
    """An engine by name, the precision that it computes in, and that of Paddle's networks."""

    engine: str
    precision: str
    network: str

    @property
    def of_floats(self) -> str:
        """The precision of all that is not in int8."""
        return ROWS[self.engine].fastest("cpu") if self.precision == INT8 else self.precision


class Row(NamedTuple):
    """An engine.

    ``title``: its name in sentences. ``precisions``: those that it computes in on a device; ``fastest``: of these.
    ``obstacle``: why it cannot be had on a device and what to do about it, or None. ``build``: makes it for a choice
    and a function that it calls before a wait. ``network``: the precision of Paddle's networks where it has one of its
    own for them.
    """

    name: str
    title: str | Message
    precisions: Callable[[str], tuple[str, ...]]
    fastest: Callable[[str], str]
    obstacle: Callable[[str], Message | None]
    build: Callable[[Choice, Callable[[], None]], Engine]
    network: str | None = None


def _eager(choice: Choice, before_export: Callable[[], None]) -> Engine:
    from .eager import EagerEngine

    return EagerEngine()


def _openvino(choice: Choice, before_export: Callable[[], None]) -> Engine:
    if choice.precision == INT8:
        from .int8 import Int8Engine

        return Int8Engine(before_export=before_export)
    from .openvino import OpenVINOEngine

    return OpenVINOEngine(choice.precision, before_export=before_export)


def _inference(choice: Choice, before_export: Callable[[], None]) -> Engine:
    from .inference import InferenceEngine

    return InferenceEngine(choice.precision, before_export=before_export)


def _precisions_of_paddle(device: str) -> tuple[str, ...]:
    """Paddle has no matrix product in half precision on a CPU, and int8 is OpenVINO's."""
    return ("float32",) if device == "cpu" else tuple(name for name in DTYPES if name != INT8)


def _fastest_of_paddle(device: str) -> str:
    return "float32" if device == "cpu" else "float16"


def _precisions_of_openvino(device: str) -> tuple[str, ...]:
    from . import precisions

    return (*precisions.available(), INT8)


def _fastest_of_openvino(device: str) -> str:
    from . import precisions

    return precisions.default()


def _obstacle_to_openvino(device: str) -> Message | None:
    if device != "cpu":
        return words("it runs on the CPU, and the device is {device}; choose the device cpu", device=device)
    if importlib.util.find_spec("openvino") is None:
        return words("OpenVINO is not installed; pip install openvino")
    if processor.is_held_back():  # OpenVINO 2026.4 goes by it in parts only, and ends the process
        return words("it crashes with ONEDNN_MAX_CPU_ISA={limit} on this processor; unset it", limit=processor.limit())
    return _obstacle_to_exports(device)


def _obstacle_to_exports(device: str) -> Message | None:
    paddle_3 = int(import_paddle().__version__.split(".")[0]) >= 3
    return None if paddle_3 else words("it needs Paddle 3; pip install -U paddlepaddle")


_PADDLE = _precisions_of_paddle, _fastest_of_paddle
_OPENVINO = _precisions_of_openvino, _fastest_of_openvino
ROWS = {
    row.name: row
    for row in (
        Row("eager", words("eager Paddle"), *_PADDLE, lambda device: None, _eager),
        Row("openvino", "OpenVINO", *_OPENVINO, _obstacle_to_openvino, _openvino, network="float32"),
        Row("inference", "Paddle Inference", *_PADDLE, _obstacle_to_exports, _inference),
    )
}
ENGINES = ("auto", *ROWS)
AUTO = ("openvino", "eager")  # of these the first that can be had


def choose(engine: str, device: str, dtype) -> Choice:
    """The fastest engine that this machine has, or the one that is asked for.

    Args:
        engine: one of ``ENGINES``.
        device: as ``devices.device_name`` gives it.
        dtype: Paddle's dtype or its name; None: the fastest that the engine has on the device.

    Raises:
        InputError: an engine that is unknown or not to be had here, or a precision that it lacks.
    """
    if engine not in ENGINES:
        raise InputError(
            "E-ENGINE-UNKNOWN", "unknown engine {engine!r}: choose {engines}", engine=engine, engines=ENGINES
        )
    if engine == "auto":
        row = next(ROWS[name] for name in AUTO if ROWS[name].obstacle(device) is None)
    else:
        row, obstacle = ROWS[engine], ROWS[engine].obstacle(device)
        if obstacle:
            raise InputError(
                "E-ENGINE-UNAVAILABLE", "engine {engine}: {obstacle}, or choose auto", engine=engine, obstacle=obstacle
            )
    precision = row.fastest(device) if dtype is None else _precision(row, device, dtype)
    return Choice(row.name, precision, row.network or precision)


def _precision(row: Row, device: str, dtype) -> str:
    name, offered = dtype_name(dtype), row.precisions(device)
    if name not in offered:
        place = words("the CPU") if device == "cpu" else device
        valid = either(precision for precision in DTYPES if precision in offered)
        raise InputError(
            "E-DTYPE-ENGINE",
            "dtype {dtype} on {device}: {engine} does not compute in it on this machine; leave dtype out, or choose "
            "{valid}",
            dtype=name,
            device=place,
            engine=row.title,
            valid=valid,
        )
    return name


def build(choice: Choice, before_export: Callable[[], None] = lambda: None) -> Engine:
    """The engine itself; ``before_export`` is called when the person will have to wait for it."""
    return ROWS[choice.engine].build(choice, before_export)
