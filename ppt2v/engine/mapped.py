"""Mapped files whose content is in memory in another form: their pages need not count against the process."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MAPS = Path("/proc/self/maps")
_MADV_DONTNEED = 4
_EVERY = 0.05  # seconds


@contextmanager
def dropped(file: Path) -> Iterator[None]:
    """Drops the pages of a mapped file as they are read, within and on leaving; on Linux alone.

    The file must be mapped for reading only: what is needed again is then read again, from the system's own cache.
    """
    if not _MAPS.exists():
        yield
        return
    done = threading.Event()
    thread = threading.Thread(target=_drop_until, args=(done, file), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _drop_until(done: threading.Event, file: Path) -> None:
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    name = os.path.realpath(file)
    last = False
    while not last:
        last = done.wait(_EVERY)
        for first, end in _ranges(name):
            madvise(first, end - first, _MADV_DONTNEED)


def _ranges(name: str) -> Iterator[tuple[int, int]]:
    """Addresses at which a file is mapped, where it cannot be written to."""
    for line in _MAPS.read_text().splitlines():
        fields = line.split(maxsplit=5)
        if len(fields) == 6 and fields[5] == name and "w" not in fields[1]:
            first, end = (int(address, 16) for address in fields[0].split("-"))
            yield first, end
