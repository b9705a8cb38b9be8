"""How many threads Paddle uses: one unless it is told otherwise before it is imported."""

from __future__ import annotations

import contextlib
import io
import os
import sys

from ppt2v.errors import InputError

from .homes import check_home
from .quiet import quiet_libraries


def cores() -> int:
    """The number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def use_all_cores() -> None:
    """Makes Paddle use every core; a user's OMP_NUM_THREADS wins. Too late once Paddle is imported (``too_late``)."""
    if not too_late():
        os.environ.setdefault("OMP_NUM_THREADS", str(cores()))


def too_late() -> bool:
    """Whether Paddle was imported first, and so runs on the threads that it chose."""
    return "paddle" in sys.modules


def import_paddle():
    """Paddle, imported without its notice that more than one thread was asked for, since ppt2v did so on purpose.

    Raises:
        InputError: Paddle is not installed, or a folder that is named for PaddleNLP cannot be written.
    """
    check_home()
    printed = io.StringIO()
    try:
        with contextlib.redirect_stderr(printed), quiet_libraries():
            import paddle
    except ModuleNotFoundError as error:
        if error.name != "paddle":
            raise
        raise InputError(
            "PaddlePaddle is not installed: pip install 'ppt2v[cpu]', or 'ppt2v[gpu]' for a CUDA GPU; `ppt2v doctor` "
            "says more"
        ) from None
    finally:
        for line in printed.getvalue().splitlines():
            if "OMP_NUM_THREADS" not in line:
                print(line, file=sys.stderr)
    return paddle
