"""Large values that processes of a machine hand to each other: as files, whose arrays are mapped into memory."""

from __future__ import annotations

import mmap
import pickle
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ppt2v.errors import InputError

_ALIGNED = 64  # bytes, so that arrays begin where processors like them to


def write(value: Any, path: Path) -> None:
    """Writes what can be pickled; contiguous arrays in it as they lie in memory (PEP 574).

    Raises:
        InputError: there is no room for it.
    """
    try:
        _write(value, path)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise InputError(
            "E-PARCEL-WRITE",
            "what workers hand to each other has no room in {folder} ({reason}): set TMPDIR to another folder",
            folder=path.parent,
            reason=error.strerror,
        ) from error


def _write(value: Any, path: Path) -> None:
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    parts = [memoryview(head), *(buffer.raw() for buffer in buffers)]
    with path.open("wb") as file:
        pickle.dump([part.nbytes for part in parts], file)
        for part in parts:
            file.write(b"\0" * (-file.tell() % _ALIGNED))
            file.write(part)


def read(path: Path) -> Any:
    """The value, whose arrays are read-only; the file may be removed meanwhile."""
    with path.open("rb") as file:
        sizes = pickle.load(file)
        whole = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        head, *buffers = _parts(whole, file.tell(), sizes)
    return pickle.loads(head, buffers=buffers)


def _parts(whole: memoryview, start: int, sizes: Iterable[int]) -> list[memoryview]:
    parts = []
    for size in sizes:
        start += -start % _ALIGNED
        parts.append(whole[start : start + size])
        start += size
    return parts
