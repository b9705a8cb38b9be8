"""Frames to video files that are complete or not there."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ppt2v import unfinished
from ppt2v.errors import InputError

from .output_path import FORMATS, check_fps, check_parent, check_target, ending, keeps_sound
from .overlay import tile
from .sound import RATE, Sound

# Per format: codec, its options, the container's options. The number of threads is fixed because it changes the bytes.
# x264's macroblock tree is off: it reads memory that nothing has written, and some frames got other bytes each time.
_ENCODERS = {
    "mp4": ("libx264", {"crf": "18", "threads": "4", "x264-params": "mbtree=0"}, {"movflags": "+faststart"}),
    "webm": ("libvpx-vp9", {"crf": "24", "b": "0", "cpu-used": "4", "row-mt": "1", "threads": "4"}, {}),
}
_SOUND_ENCODERS = {"mp4": "aac", "webm": "libopus"}
# The BT.601 matrix, with its tag: right for players that honour the tag and for those (OpenCV) that always assume it.
_BT601, _BT709, _LIMITED_RANGE = 6, 1, 1


class _MakersError(Exception):
    """An OSError of what makes the frames, on its way through the writers, which have others of their own."""


def write(
    frames: Iterable[np.ndarray], path: str | Path, fps: float, recipe: dict[str, Any], sound: Sound | None = None
) -> Path:
    """Writes frames (uint8 RGB ``[H, W, 3]``, all of one size) as they come; the ending of ``path`` is the format.

    mp4: H.264, yuv420p, index in front; webm: VP9; both padded to even sides by repeating the last row or column.
    gif: endless loop, a palette per frame. png: a folder of 00000.png, ... and recipe.json. ``recipe`` (JSON types) is
    kept in the file, see ``read_recipe``. ``sound`` is heard meanwhile, in mp4 as AAC, in webm as Opus. The path
    appears when the file is complete; on any exception nothing is left.
    Raises InputError for an unknown ending, an impossible ``fps``, no frames, frames of the wrong form, sound for a
    format without, and where the path cannot be written or the disk is full.
    """
    path = Path(path)
    save_format = ending(path)
    if save_format not in FORMATS:
        raise InputError(
            "E-OUT-ENDING",
            "{path}: the name must end in one of {endings}",
            path=path,
            endings=["." + name for name in FORMATS],
        )
    if sound is not None and not keeps_sound(path):
        raise InputError(
            "E-OUT-SOUND",
            "{path}: a {format} has no sound; choose mp4 or webm, or write without it",
            path=path,
            format=save_format,
        )
    check_fps(fps, save_format)
    check_target(path)
    recipe_text = json.dumps(recipe)
    try:
        with _complete_or_nothing(path) as part:
            _WRITERS[save_format](_checked(frames), part, fps, recipe_text, sound)
    except _MakersError as error:
        raise (error.__cause__ or error) from None
    return path


@contextmanager
def _complete_or_nothing(path: Path) -> Iterator[Path]:
    part = unfinished.beside(path.parent, ".ppt2v-", ".part")
    try:
        yield part
        os.replace(part, path)
    except OSError as error:
        raise InputError(
            "E-OUT-FAILED",
            "{path} cannot be written: {reason}; nothing of it is left",
            path=path,
            reason=error.strerror or error,
        ) from error
    finally:
        unfinished.remove(part)


def _checked(frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    shape = None
    for frame in _made(frames):
        shape = shape or frame.shape
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or frame.shape != shape:
            raise InputError(
                "E-FRAME-SHAPE",
                "a frame is {dtype} {shape}: frames must be uint8 [H, W, 3], all of one size",
                dtype=frame.dtype,
                shape=str(frame.shape),
            )
        yield frame
    if shape is None:
        raise InputError("E-FRAMES-NONE", "there are no frames to write: give at least one")


def _made(frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    try:
        yield from frames
    except OSError as error:
        raise _MakersError from error


def _write_container(save_format: str) -> Callable[[Iterator[np.ndarray], Path, float, str, Sound | None], None]:
    codec, codec_options, container_options = _ENCODERS[save_format]

    def write_frames(
        frames: Iterator[np.ndarray], part: Path, fps: float, recipe_text: str, sound: Sound | None
    ) -> None:
        import av

        # "bitexact" leaves out random identifiers: the same frames give the same bytes.
        options = {"fflags": "+bitexact", **container_options}
        with av.open(str(part), "w", format=save_format, options=options) as container:
            container.metadata["comment"] = recipe_text
            rate = Fraction(fps).limit_denominator(1001)
            stream = container.add_stream(codec, rate=rate, options=codec_options)
            voice = None if sound is None else _Voice(container, save_format, sound)
            for index, frame in enumerate(frames):
                if index == 0:
                    _describe(stream, frame)
                container.mux(stream.encode(_yuv420p(frame, index, 1 / rate)))
                if voice is not None:
                    voice.mux_until((index + 1) / rate)
            container.mux(stream.encode())
            if voice is not None:
                voice.end()

    return write_frames


class _Voice:
    """The sound of a file that is being written."""

    def __init__(self, container: Any, save_format: str, sound: Sound):
        self._container, self._samples, self._done = container, sound.samples, 0
        layout = "mono" if sound.samples.shape[1] == 1 else "stereo"
        codec = _SOUND_ENCODERS[save_format]
        self._stream = container.add_stream(codec, rate=RATE, layout=layout, options={"flags": "+bitexact"})

    def mux_until(self, seconds: Fraction) -> None:
        import av

        until = min(round(seconds * RATE), len(self._samples))
        if until > self._done:
            piece = np.ascontiguousarray(self._samples[self._done : until]).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(piece, format="s16", layout=self._stream.layout.name)
            frame.sample_rate, frame.pts, frame.time_base = RATE, self._done, Fraction(1, RATE)
            self._container.mux(self._stream.encode(frame))
            self._done = until

    def end(self) -> None:
        self._container.mux(self._stream.encode())


def _describe(stream: Any, frame: np.ndarray) -> None:
    height, width = frame.shape[:2]
    stream.height, stream.width, stream.pix_fmt = height + height % 2, width + width % 2, "yuv420p"
    context = stream.codec_context
    context.colorspace, context.color_range = _BT601, _LIMITED_RANGE
    context.color_primaries = context.color_trc = _BT709


def _yuv420p(frame: np.ndarray, index: int, time_base: Fraction) -> Any:
    import av

    height, width = frame.shape[:2]
    even = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    rgb = av.VideoFrame.from_ndarray(even, format="rgb24")
    picture = rgb.reformat(format="yuv420p", dst_colorspace="smpte170m", dst_color_range=_LIMITED_RANGE)
    picture.pts, picture.time_base = index, time_base
    return picture


def _write_gif(frames: Iterator[np.ndarray], part: Path, fps: float, recipe_text: str, _: None) -> None:
    """Block by block (GIF89a specification): Pillow's own writer holds all frames and merges equal ones."""
    from PIL import GifImagePlugin

    comment = recipe_text.encode("ascii")
    with open(part, "wb") as file:
        for index, frame in enumerate(frames):
            if index == 0:
                height, width = frame.shape[:2]
                file.write(b"GIF89a" + width.to_bytes(2, "little") + height.to_bytes(2, "little") + b"\x70\0\0")
                file.write(b"!\xff\x0bNETSCAPE2.0\x03\x01\0\0\0!\xfe")
                file.writelines(bytes([len(block)]) + block for block in _blocks(comment))
                file.write(b"\0")
            centiseconds = round((index + 1) * 100 / fps) - round(index * 100 / fps)
            image = _paletted(frame)
            file.writelines(GifImagePlugin.getdata(image, duration=centiseconds * 10, include_color_table=True))
        file.write(b";")


def _blocks(data: bytes) -> Iterator[bytes]:
    return (data[start : start + 255] for start in range(0, len(data), 255))


def _paletted(frame: np.ndarray) -> Any:
    from PIL import Image

    image = Image.fromarray(frame)
    palette = image.quantize(256, method=Image.Quantize.MEDIANCUT)
    return image.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)


def _write_pngs(frames: Iterator[np.ndarray], part: Path, fps: float, recipe_text: str, _: None) -> None:
    from PIL import Image, PngImagePlugin

    rate = PngImagePlugin.PngInfo()
    rate.add_text("fps", repr(float(fps)))

    part.mkdir()
    for index, frame in enumerate(frames):
        Image.fromarray(frame).save(part / f"{index:05d}.png", pnginfo=rate)
    (part / "recipe.json").write_text(recipe_text + "\n", encoding="ascii")


_WRITERS: dict[str, Callable[[Iterator[np.ndarray], Path, float, str, Any], None]] = {
    "mp4": _write_container("mp4"),
    "webm": _write_container("webm"),
    "gif": _write_gif,
    "png": _write_pngs,
}


def contact_sheet(frames: Iterable[np.ndarray], path: str | Path, columns: int = 4) -> Path:
    """Writes frames (each uint8 RGB ``[H, W, 3]``) side by side, ``columns`` in a row, as one PNG; returns ``path``."""
    from PIL import Image

    path = Path(path)
    if columns < 1:
        raise InputError("E-SHEET-COLUMNS", "columns = {columns}: a contact sheet has 1 or more", columns=columns)
    if path.is_dir():
        raise InputError("E-OUT-IS-FOLDER", "{path} is a folder: give the name of a file", path=path)
    check_parent(path)
    sheet = Image.fromarray(tile(list(_checked(frames)), columns))
    with _complete_or_nothing(path) as part:
        sheet.save(part, format="PNG")
    return path
