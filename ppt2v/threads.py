"""How many threads Paddle uses: one unless it is told otherwise before it is imported."""
from __future__ import annotations

import os
import sys


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
