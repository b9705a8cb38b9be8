"""Room on the disk for the frames of a clip, which vanishes with them."""

from __future__ import annotations

import math
import os
import tempfile
from typing import Any

import numpy as np

from ppt2v.errors import InputError


def on_disk(shape: tuple[int, ...], kind: Any = np.uint8) -> np.ndarray:
    """An array of zeros in a temporary file that vanishes with it: a clip of any length takes no memory that others
    need.

    The room is reserved at once: a file without it would end the process by a signal when the disk is full.

    Raises:
        InputError: the temporary folder lacks the room, or cannot be written.
    """
    size = math.prod(shape) * np.dtype(kind).itemsize
    try:
        with tempfile.TemporaryFile() as file:
            if hasattr(os, "posix_fallocate"):  # not on a Mac
                os.posix_fallocate(file.fileno(), 0, size)
            file.truncate(size)
            return np.memmap(file, kind, "r+", shape=shape)
    except OSError as error:
        raise InputError(
            "E-TEMPORARY-ROOM",
            "the frames need {megabytes} MB in the folder for temporary files, which cannot be had: {reason}; make "
            "room there, or name another folder with the variable TMPDIR",
            megabytes=math.ceil(size / 1000000.0),
            reason=error.strerror or error,
        ) from error
