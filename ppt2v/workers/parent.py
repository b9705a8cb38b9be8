"""Processes that end with the one that started them, however that ends."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import parent_process, resource_tracker

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def end_with_parent() -> None:
    """Ends this process, which ``multiprocessing`` has started, as soon as its parent is gone."""
    if sys.platform == "linux":  # at once, also in the middle of a computation
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_follow_parent, name="ppt2v parent", daemon=True).start()


def _follow_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()  # until the pipe between the two closes
        os._exit(1)


@contextmanager
def unreached_by_ctrl_c() -> Iterator[None]:
    """Processes that are started within do not get SIGINT: who started them ends them, and they say nothing."""
    resource_tracker.ensure_running()  # which would let SIGINT through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
