"""How many threads compute: Paddle takes one unless it is told otherwise before it is imported."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator

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


def threads() -> int:
    """The number of threads that the networks compute with, on any engine."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    return int(given) if given.isdigit() and int(given) else cores()


@contextlib.contextmanager
def using(number: int) -> Iterator[None]:
    """Lets ``threads`` be another number for a block, and Paddle's eager operations in this thread keep to it."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = str(number)
    keep_to()
    try:
        yield
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before
        keep_to()


def keep_to() -> None:
    """Sets Paddle's eager operations in this thread to ``threads``; a run of Paddle Inference leaves them at one."""
    import_paddle().base.core.set_num_threads(threads())


def too_late() -> bool:
    """Whether Paddle was imported first, and so runs on the threads that it chose."""
    return "paddle" in sys.modules


def import_paddle():
    """Paddle, imported without its notice that more than one thread was asked for, since ppt2v did so on purpose.

    Raises:
        InputError: Paddle is not installed, or a folder that is named for PaddleNLP cannot be written.
    """
    check_home()
    printed, is_first = io.StringIO(), not too_late()
    try:
        with contextlib.redirect_stderr(printed), quiet_libraries():
            import paddle
    except ModuleNotFoundError as error:
        if error.name != "paddle":
            raise
        raise InputError(
            "E-PADDLE-MISSING",
            "PaddlePaddle is not installed: pip install 'ppt2v[cpu]', or 'ppt2v[gpu]' for a CUDA GPU; `ppt2v doctor` "
            "says more",
        ) from None
    finally:
        for line in printed.getvalue().splitlines():
            if "OMP_NUM_THREADS" not in line:
                print(line, file=sys.stderr)
    if is_first:
        _take_back_sigterm()
    return paddle


def _take_back_sigterm() -> None:
    """Puts back what the process does at SIGTERM; Paddle has it print a report and end, whatever was set before."""
    handler = signal.getsignal(signal.SIGTERM)
    if handler is not None and threading.current_thread() is threading.main_thread():  # the only one that may
        signal.signal(signal.SIGTERM, handler)
