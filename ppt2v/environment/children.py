"""Processes of ppt2v's own, with a pipe to each; they end with the one that started them, however that ends."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import connection, get_context, parent_process, resource_tracker
from typing import Any

from .quiet import quiet_process

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Child:
    """A process that does something; ``pipe`` leads there, and breaks when it ends.

    Args:
        work: a function of a module; it is given the other end of the pipe and the arguments.
    """

    def __init__(self, work: Callable[..., None], *arguments: Any):
        context = get_context("spawn")  # a forked process would share what Paddle holds
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(target=_begin, args=(work, theirs, *arguments), daemon=True)
        with _unreached_by_ctrl_c():
            self._process.start()
        theirs.close()  # so that the pipe breaks with the process

    @property
    def id(self) -> int:
        """The number of the process."""
        assert self._process.pid is not None
        return self._process.pid

    def end(self) -> None:
        """Ends it, whatever it does; by a signal of which Paddle does not tell."""
        self.pipe.close()
        self._process.kill()
        self._process.join()


def _begin(work: Callable[..., None], pipe: connection.Connection, *arguments: Any) -> None:
    end_with_parent()
    quiet_process()
    work(pipe, *arguments)


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
def _unreached_by_ctrl_c() -> Iterator[None]:
    """Processes that are started within do not get SIGINT: who started them ends them, and they say nothing."""
    resource_tracker.ensure_running()  # which would let SIGINT through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
