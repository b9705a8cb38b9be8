"""The pictures that a model is trained on: a folder of files, and their pixels at one size."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ppt2v.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")


def find(folder: str | Path) -> list[Path]:
    """The pictures in a folder, sorted by name; each was decoded to see that it can be.

    Raises:
        InputError: no such folder, no pictures in it, or one that cannot be read.
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise InputError(f"images: there is no folder {folder}; give one with pictures of the subject")
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in ENDINGS and file.name[0] != ".")
    if not files:
        raise InputError(f"images: {folder} holds no pictures; give some that end in {', '.join(ENDINGS)}")
    for file in files:
        _open(file)
    return files


def read(files: Iterable[Path], height: int, width: int) -> np.ndarray:
    """Pictures, uint8 RGB ``[n, height, width, 3]``: scaled to cover that size, and cut to its middle."""
    import numpy as np
    from PIL import Image, ImageOps

    return np.stack([ImageOps.fit(_open(file), (width, height), Image.Resampling.LANCZOS) for file in files])


def _open(file: Path) -> Image.Image:
    """A picture upright, RGB, on white where it is transparent."""
    from PIL import Image, ImageOps

    try:
        with Image.open(file) as opened:
            picture = ImageOps.exif_transpose(opened).convert("RGBA")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:  # as Pillow's readers raise
        raise InputError(f"the picture {file} cannot be read ({error}); replace or remove it") from None
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
