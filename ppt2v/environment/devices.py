"""Names of devices and precisions, checked against the Paddle that is installed."""

from __future__ import annotations

import re
from typing import NamedTuple

from ppt2v.errors import InputError
from ppt2v.language import Message, words

from .threads import import_paddle


class Precision(NamedTuple):
    """A precision: the bytes of a number, and what takes over where numbers in it become infinite or NaN."""

    name: str
    bytes: int
    rescue: str | None = None


INT8 = "int8"  # of a part of the networks; the others compute in another
PRECISIONS = {
    precision.name: precision
    for precision in (
        Precision("float32", 4),
        Precision("float16", 2, "float32"),
        Precision("bfloat16", 2, "float32"),
        Precision(INT8, 1, "float32"),
    )
}
DTYPES = tuple(PRECISIONS)


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
        raise InputError("E-DEVICE-UNKNOWN", "unknown device {device!r}: choose cpu, cuda or cuda:N", device=device)
    if device == "cpu":
        return device
    if int(match[1] or 0) >= count:
        raise InputError(
            "E-DEVICE-ABSENT",
            "device {device!r}: this Paddle {present}; {advice}",
            device=device,
            present=_has(count),
            advice=_advice(count),
        )
    return device.replace("cuda", "gpu")


def cards(device: str) -> int:
    """The GPUs that processes of this machine can share out among themselves: all, unless one is named.

    Args:
        device: as ``device_name`` gives it.
    """
    return import_paddle().device.cuda.device_count() if device == "gpu" else 0


def _has(count: int) -> Message:
    if not count:
        return words("has no GPU (a CPU build, or no driver)")
    if count == 1:
        return words("sees 1 GPU, with the number 0")
    return words("sees {count} GPUs, numbered from 0", count=count)


def _advice(count: int) -> Message:
    if count:
        return words("choose one of those")
    return words(
        "choose cpu and leave dtype out, or use a machine with a CUDA GPU (on AI Studio a GPU environment) and "
        "paddlepaddle-gpu"
    )


def dtype_name(dtype) -> str:
    """The name of a precision: one of ``DTYPES``.

    Args:
        dtype: Paddle's dtype, or its name.

    Raises:
        InputError: there is no such precision.
    """
    name = str(dtype).rsplit(".", 1)[-1].lower()
    if name not in DTYPES:
        raise InputError("E-DTYPE-UNKNOWN", "unknown dtype {dtype!r}: choose {dtypes}", dtype=dtype, dtypes=DTYPES)
    return name
