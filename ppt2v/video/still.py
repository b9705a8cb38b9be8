"""A picture that is to be the first frame of a video."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ppt2v.errors import InputError

if TYPE_CHECKING:
    import numpy as np

_TOLERANCE = 0.02  # by which the shape of a picture may differ from that of the frames: nobody sees so much


def check_still(path: str, height: int | None, width: int | None) -> None:
    """Refuses what is no picture, and one of another shape than the frames; that only where their size is known.

    Raises:
        InputError: there is no such file, it cannot be read, or it has another shape.
    """
    from . import pictures

    file = Path(path)
    if not file.is_file():
        raise InputError("E-STILL-MISSING", "{path} is no file: give a picture as the first frame", path=path)
    own = pictures.open_pictures(file, most_frames=1)
    if height and width and abs(own.width * height - own.height * width) > _TOLERANCE * own.height * width:
        raise InputError(
            "E-STILL-SHAPE",
            "{path} has {own_width}x{own_height} pixels, and the frames are to have {width}x{height}: cut it to their "
            "shape, or give another resolution (--resolution WIDTHxHEIGHT)",
            path=path,
            own_width=own.width,
            own_height=own.height,
            width=width,
            height=height,
        )


def read_still(path: str, height: int, width: int) -> np.ndarray:
    """A picture in the size of the frames: uint8 RGB ``[1, height, width, 3]``; of several the first.

    Raises:
        InputError: as ``check_still``.
    """
    import numpy as np

    from . import pictures

    check_still(path, height, width)
    own = pictures.open_pictures(Path(path), most_frames=1)
    return np.stack(list(own.frames(np.zeros(1, int), height, width)))
