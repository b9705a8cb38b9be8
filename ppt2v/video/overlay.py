"""What is drawn on or around frames (uint8 RGB ``[H, W, 3]``): a mark in the corner, a contact sheet."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ppt2v.errors import InputError

_OPACITY = 0.8
_NO_GLYPH = "\U0010ffff"  # never a character: every font draws its sign for a missing one


def watermark(frames: Iterable[np.ndarray], mark: str) -> Iterator[np.ndarray]:
    """Copies of the frames with ``mark`` in the lower right corner, a tenth of the height; lazy.

    mark: path of an image (its transparency counts), else a text. Raises InputError, at once, as ``check_mark``.
    """
    return _marked(frames, check_mark(mark), mark.strip())


def check_mark(mark: str) -> Any:
    """The image that a mark names; None for a text.

    Raises:
        InputError: an image that cannot be read, a text that is empty or that the font cannot write.
    """
    if names_image(mark):
        return _open_image(Path(mark))
    _check_text(mark)
    return None


def _marked(frames: Iterable[np.ndarray], image: Any, text: str) -> Iterator[np.ndarray]:
    mark = None
    for frame in frames:
        if mark is None or mark.shape[:2] != frame.shape[:2]:
            mark = _layer(image, text, *frame.shape[:2])
        alpha = mark[..., 3:] * (_OPACITY / 255)
        yield np.round(frame * (1 - alpha) + mark[..., :3] * alpha).astype(np.uint8)


def names_image(mark: str) -> bool:
    """Whether a mark is meant as the path of an image, by its ending, and not as a text."""
    return (mimetypes.guess_type(mark)[0] or "").startswith("image/")


def _open_image(path: Path) -> Any:
    from PIL import Image

    try:
        return Image.open(path).convert("RGBA")
    except FileNotFoundError:
        raise InputError(
            "E-WATERMARK-MISSING", "the watermark {path} does not exist: give an image file or a text", path=path
        ) from None
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(
            "E-WATERMARK-UNREADABLE",
            "the watermark {path} cannot be read as an image: {reason}",
            path=path,
            reason=error,
        ) from error


def _check_text(text: str) -> None:
    if not text.strip():
        raise InputError("E-WATERMARK-EMPTY", "the watermark is empty: give an image file or a text")
    from PIL import ImageFont

    font = ImageFont.load_default(32)
    missing = bytes(font.getmask(_NO_GLYPH))
    for letter in text:
        if not letter.isspace() and bytes(font.getmask(letter)) == missing:
            raise InputError(
                "E-WATERMARK-LETTER",
                "the watermark's font has no {letter!r}: give an image file with the text instead",
                letter=letter,
            )


def _layer(image: Any, text: str, height: int, width: int) -> np.ndarray:
    """uint8 RGBA ``[height, width, 4]``: the mark in its corner, transparent elsewhere."""
    from PIL import Image

    layer = Image.new("RGBA", (width, height))
    source = image or _text_image(text)
    margin = height // 40
    scale = min(height / 10 / source.height, max(1, width - 2 * margin) / source.width)
    size = (max(1, round(source.width * scale)), max(1, round(source.height * scale)))
    layer.paste(source.resize(size, Image.Resampling.LANCZOS), (width - margin - size[0], height - margin - size[1]))
    return np.asarray(layer)


def _text_image(text: str) -> Any:
    """White letters with a dark edge, so that they can be read on any ground."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(96)
    left, top, right, bottom = (round(side) for side in font.getbbox(text, stroke_width=6))
    image = Image.new("RGBA", (right - left, bottom - top))
    ImageDraw.Draw(image).text((-left, -top), text, "white", font, stroke_width=6, stroke_fill="black")
    return image


def tile(frames: list[np.ndarray], columns: int, gap: int = 4) -> np.ndarray:
    """The frames, all of one size, on white: ``columns`` in a row, ``gap`` pixels around each; RGB ``[H, W, 3]``."""
    columns = min(columns, len(frames))
    height, width = (side + gap for side in frames[0].shape[:2])
    rows = -(-len(frames) // columns)
    sheet = np.full((rows * height + gap, columns * width + gap, 3), 255, np.uint8)
    for index, frame in enumerate(frames):
        top, left = (gap + place * side for place, side in zip(divmod(index, columns), (height, width)))
        sheet[top : top + height - gap, left : left + width - gap] = frame
    return sheet
