"""The pictures that a model is trained on: a folder of files, and their pixels at one size."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ppt2v.errors import InputError, Notice
from ppt2v.language import words

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

# Pillow's names of what is read, by the contents of a file and whatever its name; none of them runs another program.
_FORMATS = ("PNG", "JPEG", "MPO", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "HEIF", "JPEG2000")
# Files with these names are meant as pictures: one that is none is damaged.
_ENDINGS = (".png", ".jpg", ".jpeg", ".jfif", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".avif", ".heic", ".heif")
_HEIC = (".heic", ".heif", ".avif")  # Pillow reads them where it has, or is given, a decoder
_NOT_MEANT = ("recipe.json", "Thumbs.db", "desktop.ini")  # what ppt2v and Windows leave beside pictures
_LISTED = 8  # files that a message names


def find(folder: str | Path) -> list[Path]:
    """The pictures in a folder, sorted by name; each was decoded to see that it can be. Warns of what is left out.

    Raises:
        InputError: no such folder, no pictures in it, or one that cannot be read.
    """
    folder = Path(os.path.expanduser(folder))
    if not folder.is_dir():
        raise InputError(
            "E-PICTURES-FOLDER",
            "images: there is no folder {folder}; give one with pictures of the subject",
            folder=folder,
        )
    there = sorted(file for file in folder.iterdir() if file.name[0] != "." and file.name not in _NOT_MEANT)
    files = [file for file in there if file.is_file() and _is_picture(file)]
    left_out = [file for file in there if file not in files]
    if not files:
        hint = words("; it cannot read {names}", names=_names(left_out)) if left_out else ""
        raise InputError(
            "E-PICTURES-NONE",
            "images: {folder} holds no pictures{hint}; give PNG, JPEG, WebP, TIFF, BMP, GIF or AVIF",
            folder=folder,
            hint=hint,
        )
    for file in files:
        _open(file)
    if left_out:
        notice = Notice(
            "N-PICTURES-LEFT-OUT",
            "left out of the pictures in {folder}: {names}",
            folder=folder,
            names=_names(left_out),
        )
        warnings.warn(notice, stacklevel=2)
    return files


def _is_picture(file: Path) -> bool:
    """Whether a file is a picture, or meant as one: with such a name, and in a format that can be read here."""
    from PIL import Image

    try:
        with Image.open(file, formats=_readable()):
            return True
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        ending = file.suffix.lower()
        return ending in _ENDINGS and not (ending in _HEIC and _lacks_decoder(ending))


def _readable() -> list[str]:
    """The formats that Pillow reads on this machine."""
    from PIL import Image

    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        pass
    else:
        register_heif_opener()
    Image.init()
    return [name for name in _FORMATS if name in Image.OPEN]


def _lacks_decoder(ending: str) -> bool:
    return ("AVIF" if ending == ".avif" else "HEIF") not in _readable()


def _names(files: list[Path]) -> str:
    """Files by name, with what would make those readable for which a decoder is missing."""
    named = ", ".join(file.name for file in files[:_LISTED])
    more = f" and {len(files) - _LISTED} more" if len(files) > _LISTED else ""
    lacking = any(file.suffix.lower() in _HEIC for file in files)
    return f"{named}{more}{' (HEIC and AVIF are read after `pip install pillow-heif`)' if lacking else ''}"


def read(files: Iterable[Path], height: int, width: int) -> np.ndarray:
    """Pictures, uint8 RGB ``[n, height, width, 3]``: scaled to cover that size, and cut to its middle."""
    import numpy as np
    from PIL import Image, ImageOps

    fitted = (ImageOps.fit(_open(file), (width, height), Image.Resampling.LANCZOS) for file in files)
    return np.stack([np.asarray(picture) for picture in fitted])


def _open(file: Path) -> Image.Image:
    """A picture upright, RGB, on white where it is transparent; of several the first."""
    from PIL import Image, ImageOps

    from ppt2v.video.profiles import in_srgb

    try:
        with Image.open(file, formats=_readable()) as opened:
            upright = ImageOps.exif_transpose(opened)
            picture = _eight_bits(in_srgb(upright)).convert("RGBA")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:  # as Pillow's readers raise
        raise InputError(
            "E-PICTURE-DAMAGED-TRAINING",
            "the picture {file} cannot be read ({reason}); replace or remove it",
            file=file,
            reason=error,
        ) from None
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")


def _eight_bits(picture: Image.Image) -> Image.Image:
    """A picture in a mode that Pillow converts to scale: of finer greys its own conversion cuts off all beyond 255."""
    import numpy as np
    from PIL import Image

    if picture.mode[0] not in "IF":
        return picture.convert("RGB") if picture.mode == "CMYK" else picture
    grey = np.asarray(picture).astype(np.float64)
    whole, fraction = 65535.0, 1.0 if grey.max() <= 1 else 255.0
    white = fraction if picture.mode == "F" else whole
    return Image.fromarray((grey / white * 255).round().clip(0, 255).astype(np.uint8))
