"""Names of devices and precisions, checked against the Paddle that is installed."""

from __future__ import annotations

import re

from ppt2v.errors import InputError

from .threads import import_paddle

HALF = ("float16", "bfloat16")
DTYPES = ("float32", *HALF)


def device_name(device: str | None) -> str:
    """Paddle's name of a device: "cpu", "gpu" or "gpu:1"; None chooses a GPU where this Paddle has one.

    Raises:
        InputError: no such device here.
    """
    paddle = import_paddle()
    count = paddle.device.cuda.device_count() if paddle.is_compiled_with_cuda() else 0
    if device is None:
        return "gpu" if count else "cpu"
    match = re.fullmatch(r"cpu|(?:cuda|gpu)(?::(\d+))?", device)
    if not match:
        raise InputError(f"unknown device {device!r}: choose cpu, cuda or cuda:N")
    if device == "cpu":
        return device
    if int(match[1] or 0) >= count:
        raise InputError(f"device {device!r}: this Paddle {_has(count)}; {_advice(count)}")
    return device.replace("cuda", "gpu")


def _has(count: int) -> str:
    if not count:
        return "has no GPU (a CPU build, or no driver)"
    return f"sees {count} GPU{'s' if count > 1 else ''}, numbered from 0"


def _advice(count: int) -> str:
    if count:
        return "choose one of those"
    return (
        "choose cpu and leave dtype out, or use a machine with a CUDA GPU (on AI Studio a GPU environment) and "
        "paddlepaddle-gpu"
    )


def dtype_name(dtype, device: str, half_on_cpu: str | None = None) -> str:
    """The precision's name: "float32", "float16" or "bfloat16"; None is float16 on a GPU and float32 on a CPU.

    Args:
        dtype: Paddle's dtype, or its name.
        device: as ``device_name`` gives it.
        half_on_cpu: the half precision that can be had on a CPU; Paddle itself has none.

    Raises:
        InputError: unknown, or not to be had on the device.
    """
    if dtype is None:
        return "float32" if device == "cpu" else "float16"
    name = str(dtype).rsplit(".", 1)[-1].lower()
    if name not in DTYPES:
        raise InputError(f"unknown dtype {dtype!r}: choose {', '.join(DTYPES)}")
    if device == "cpu" and name in HALF and name != half_on_cpu:
        choice = f"float32 or {half_on_cpu}" if half_on_cpu else "float32"
        raise InputError(
            f"dtype {name} on the CPU: Paddle has no matrix product in half precision there; leave dtype "
            f"out, or choose {choice}"
        )
    return name
