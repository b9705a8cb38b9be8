"""Clips that consist of pictures: animations (GIF, WebP, AVIF, APNG), folders of picture files, single ones."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ppt2v.errors import InputError
from ppt2v.language import Message, words

from .colour import on_white
from .profiles import in_srgb
from .scaling import check_side, resample
from .timeline import Timeline

FOLDER_FPS = 25.0  # of pictures that do not say it; as ffmpeg has it
_ENDINGS = (".png", ".jpg", ".jpeg", ".jfif", ".webp", ".bmp", ".tif", ".tiff", ".avif", ".gif", ".heic")
# What the files begin with, after so many bytes.
_BEGINNINGS = (
    ("GIF", 0, b"GIF8"),
    ("PNG", 0, b"\x89PNG\r\n\x1a\n"),
    ("WEBP", 8, b"WEBPVP8"),
    ("AVIF", 4, b"ftypavi"),
    ("JPEG", 0, b"\xff\xd8\xff"),
    ("BMP", 0, b"BM"),
    ("ICO", 0, b"\0\0\1\0"),
    ("TIFF", 0, b"II*\0"),
    ("TIFF", 0, b"MM\0*"),
    ("HEIC", 4, b"ftyphei"),
    ("HEIC", 4, b"ftypmif1"),
)
_FILMS = (".mjpeg", ".mjpg")
_ANIMATED = ("GIF", "PNG", "WEBP", "AVIF")


@dataclass(frozen=True)
class Pictures:
    """A clip of pictures.

    Args:
        path: the file, or the folder.
        timeline: when they are shown.
        height, width: of the first one, upright.
        notes: what there is to know about it, a line each.
    """

    path: Path
    timeline: Timeline
    height: int
    width: int
    notes: tuple[Message, ...]
    _places: tuple[tuple[Path, int], ...]  # the file of each picture, and which one of the file it is

    def frames(self, indices: np.ndarray, height: int, width: int) -> Iterator[np.ndarray]:
        """Pictures as uint8 RGB ``[height, width, 3]``; what is transparent lies on white.

        Args:
            indices: which, int ``[N]``, increasing.

        Raises:
            InputError: one is damaged.
        """
        places = [self._places[index] for index in indices]
        for file in dict.fromkeys(file for file, _ in places):
            with _opened(file) as image:
                for place in (place for own, place in places if own == file):
                    image.seek(place)
                    yield resample(rgb(image), height, width)


def kind(path: Path) -> str | None:
    """The format of a file that holds pictures, by its first bytes, such as "GIF"; None: it holds none.

    A film of JPEG pictures, as cameras of a network send it, is told by its name alone from one of them.
    """
    if path.suffix.lower() in _FILMS:
        return None
    with path.open("rb") as file:
        head = file.read(16)
    return next((name for name, start, mark in _BEGINNINGS if head[start:].startswith(mark)), None)


def open_pictures(path: Path, most_frames: int | None = None, most_side: int | None = None) -> Pictures:
    """A file of one or several pictures, each shown as long as browsers show it.

    Args:
        most_frames: number of pictures after which no more are looked for.
        most_side: longest side in pixels; larger pictures are not decoded.

    Raises:
        InputError: damaged or truncated, too large, or of a kind that cannot be read.
    """
    format_name = kind(path)
    if format_name == "GIF" and not _is_whole_gif(path):
        raise InputError(
            "E-CLIP-TRUNCATED",
            "{path} is truncated: a part of the video is missing; copy or download it again",
            path=path,
        )
    with _opened(path) as image:
        height, width = _upright_size(image)
        check_side(path, height, width, most_side)
        count = getattr(image, "n_frames", 1) if format_name in _ANIMATED else 1
        first = int(count > 1 and bool(image.info.get("default_image")))  # an APNG's picture for old programs
        last = count if most_frames is None else min(count, first + most_frames)
        seconds = [_seconds(image, place) for place in range(first, last)]
    places = tuple((path, place) for place in range(first, last))
    if len(places) == 1:
        return _still(path, height, width, places)
    starts = np.cumsum([0.0, *seconds])
    return Pictures(path, Timeline(starts[:-1], float(starts[-1])), height, width, (), places)


def open_folder(path: Path) -> Pictures:
    """A folder of pictures, one per frame, in the order in which people count: 2 before 10.

    Raises:
        InputError: there are none, they differ in size, or one is damaged.
    """
    files = sorted((file for file in path.iterdir() if _is_picture(file)), key=_as_counted)
    if not files:
        raise InputError(
            "E-FRAMES-FOLDER-EMPTY",
            "the folder {path} holds no pictures: give a video file, or a folder of PNG or JPEG files",
            path=path,
        )
    sizes, rates = [], []
    for file in files:
        with _opened(file) as image:
            sizes.append(_upright_size(image))
            rates.append(_number(image.info.get("fps")))
        if sizes[-1] != sizes[0]:
            (height, width), (other_height, other_width) = sizes[0], sizes[-1]
            raise InputError(
                "E-FRAMES-SIZES",
                "the pictures in {path} differ in size: {first} has {width}x{height} pixels, {second} "
                "{second_width}x{second_height}; give a folder of frames of one clip",
                path=path,
                first=files[0].name,
                width=width,
                height=height,
                second=file.name,
                second_width=other_width,
                second_height=other_height,
            )
    places = tuple((file, 0) for file in files)
    if len(files) == 1:
        return _still(path, *sizes[0], places)
    fps = rates[0]
    note = words(
        "{name} holds {number} pictures: they are taken as {fps:g} per second",
        name=path.name,
        number=len(files),
        fps=FOLDER_FPS,
    )
    notes: tuple[Message, ...] = () if fps else (note,)
    fps = fps or FOLDER_FPS
    return Pictures(path, Timeline(np.arange(len(files)) / fps, len(files) / fps, fps), *sizes[0], notes, places)


def _still(path: Path, height: int, width: int, places: tuple[tuple[Path, int], ...]) -> Pictures:
    note = words("{name} is a single picture: the clip has one frame", name=path.name)
    return Pictures(path, Timeline(np.zeros(1), 1 / FOLDER_FPS), height, width, (note,), places)


def _is_picture(file: Path) -> bool:
    return file.suffix.lower() in _ENDINGS and not file.name.startswith(".") and file.is_file()


def _as_counted(file: Path) -> list[tuple[int, str]]:
    """A key to sort by: numbers in a name by their value, the rest by its letters."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split("([0-9]+)", file.name.lower())]


def _number(text: Any) -> float | None:
    try:
        number = float(text)
    except (TypeError, ValueError):
        return None
    return number if 0 < number <= 1000 else None


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    from PIL import Image

    Image.init()
    name = kind(path)
    if name not in Image.OPEN:
        what = words("a {name} picture", name=name) if name else words("no picture")
        raise InputError(
            "E-PICTURE-KIND",
            "{path} is {kind}, which cannot be read here: give PNG or JPEG files",
            path=path,
            kind=what,
        )
    try:
        with Image.open(path, formats=[name]) as image:
            yield image
    except InputError:
        raise
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise InputError(
            "E-PICTURE-DAMAGED",
            "{path} is a damaged or truncated picture ({reason}): copy or download it again",
            path=path,
            reason=error,
        ) from error


def _upright_size(image: Any) -> tuple[int, int]:
    turned = image.getexif().get(0x0112, 1) >= 5  # Exif's orientation: these four have rows and columns exchanged
    return (image.width, image.height) if turned else (image.height, image.width)


def _seconds(image: Any, place: int) -> float:
    """How long a picture of an animation stays."""
    image.seek(place)
    if image.format != "GIF":
        image.load()  # Pillow knows it only then
    milliseconds = image.info.get("duration", 0)
    return milliseconds / 1000 if milliseconds > 10 else 0.1  # as all browsers do


def rgb(image: Any) -> np.ndarray:
    """A picture of Pillow's upright, as uint8 RGB ``[H, W, 3]`` of sRGB; what is transparent lies on white."""
    from PIL import ImageOps

    if image.mode.startswith("I"):  # 16 bits of grey, which Pillow would clip
        grey = np.asarray(ImageOps.exif_transpose(image)).astype(np.uint32)
        return np.repeat((np.minimum(grey, 65535) + 128)[..., None] // 257, 3, axis=2).astype(np.uint8)
    image = ImageOps.exif_transpose(image)
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        return on_white(np.asarray(in_srgb(image.convert("RGBA"))))
    return np.asarray(in_srgb(image.convert("RGB") if image.mode == "P" else image).convert("RGB"))


def _is_whole_gif(path: Path) -> bool:
    """Whether the blocks of a GIF (GIF89a specification) come to an end; what lies behind it does not matter."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(10)
        flags = file.read(1)
        file.seek(13)
        _skip_colours(file, flags)
        has_image = False
        while (mark := file.read(1)) not in (b";", b""):
            if mark == b",":
                has_image = True
                file.seek(8, 1)
                _skip_colours(file, file.read(1))
            if mark in b",!":
                file.seek(1, 1)  # the size of codes, or the kind of extension
                _skip_blocks(file)
        # Some programs leave out the last byte, and everybody shows what they write.
        return has_image and (mark == b";" or file.tell() == size)


def _skip_colours(file: BinaryIO, flags: bytes) -> None:
    if flags and flags[0] & 0x80:
        file.seek(3 << (flags[0] & 7) + 1, 1)


def _skip_blocks(file: BinaryIO) -> None:
    while length := file.read(1):
        if length == b"\0":
            return
        file.seek(length[0], 1)
    file.seek(1, 2)  # behind the end: the last block is missing
