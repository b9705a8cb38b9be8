"""Media files in and out: the only module that reads or writes a video.

Frames are uint8 RGB arrays ``[F, H, W, 3]`` (one frame ``[H, W, 3]``); times are seconds.
"""
from __future__ import annotations

import json
import math
import mimetypes
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from .errors import InputError
from .overlay import tile, watermark
from .reading import Facts, facts, frame_indices, on_disk, read_frames

__all__ = [
    "FORMATS", "Clip", "Facts", "check_clip", "check_fps", "contact_sheet", "facts", "make_folder", "on_disk",
    "output_file", "read", "read_recipe", "watermark", "write",
]

FORMATS = ("mp4", "gif", "webm", "png")

# Per format: codec, its options, the container's options. The number of threads is fixed because it changes the bytes.
_ENCODERS = {
    "mp4": ("libx264", {"crf": "18", "threads": "4"}, {"movflags": "+faststart"}),
    "webm": ("libvpx-vp9", {"crf": "24", "b": "0", "cpu-used": "4", "row-mt": "1", "threads": "4"}, {}),
}
# The BT.601 matrix, with its tag: right for players that honour the tag and for those (OpenCV) that always assume it.
_BT601, _BT709, _LIMITED_RANGE = 6, 1, 1
# A gif's delays are whole 1/100 s, and browsers slow a delay of 1/100 s down to 1/10 s; webm counts milliseconds.
_MIN_FPS, _MAX_FPS = 0.01, {"mp4": 1000.0, "gif": 50.0, "webm": 1000.0, "png": 1000.0}


@dataclass(frozen=True)
class Clip:
    """frames: uint8 RGB ``[F, H, W, 3]``; fps: frames per second, > 0."""

    frames: np.ndarray
    fps: float


def output_file(out: str | Path | None, save_format: str | None, stem: str) -> Path:
    """Decides the path to write and checks that it can be written, before anything is computed.

    With ``save_format`` its ending is appended where ``out`` does not have it; without, the ending of ``out`` decides,
    else mp4. ``out=None``: a free name ``<stem>.<format>``, ``<stem>-2.<format>``, ... in the current folder. For "png"
    the path is a folder. An existing file is fine (it is replaced once the new one is complete). Raises InputError.
    """
    save_format = _known_format(save_format)
    if out is None:
        path = _free_name(stem, save_format or "mp4")
    else:
        path = _with_ending(Path(os.path.expanduser(out)), save_format)
    _check_target(path)
    return path


def _known_format(save_format: str | None) -> str | None:
    if save_format is None:
        return None
    name = save_format.lower().lstrip(".")
    if name not in FORMATS:
        raise InputError(f"unknown save format {save_format!r}: choose one of {', '.join(FORMATS)}")
    return name


def _ending(path: Path) -> str:
    """The media format that the ending of ``path`` names, known to ppt2v or not; "" for any other ending."""
    ending = path.suffix.lower().lstrip(".")
    kind = mimetypes.guess_type(f"x.{ending}")[0] or ""
    return ending if ending in FORMATS or kind.startswith(("video/", "image/")) else ""


def _free_name(stem: str, save_format: str) -> Path:
    names = (Path(f"{stem}.{save_format}" if n == 1 else f"{stem}-{n}.{save_format}") for n in count(1))
    return next(name for name in names if not os.path.lexists(name))


def _with_ending(out: Path, save_format: str | None) -> Path:
    ending = _ending(out)
    if ending and save_format and ending != save_format:
        raise InputError(f"{out} ends in .{ending}, but the save format is {save_format}: change one of them")
    if ending:
        _known_format(ending)
        return out
    if os.path.isdir(out):  # unlike Path.is_dir, never raises
        raise InputError(f"{out} is a folder: give the name of a file in it, such as {out / 'video.mp4'}")
    return out.with_name(f"{out.name}.{save_format or 'mp4'}")


def _check_target(path: Path) -> None:
    try:
        path.exists()
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from None
    is_folder = _ending(path) == "png"
    if path.is_dir() and not is_folder:
        raise InputError(f"{path} is a folder: give the name of a file")
    if path.is_dir() and any(path.iterdir()):
        raise InputError(f"the folder {path} is not empty: numbered PNGs need a new or an empty folder")
    if path.exists() and not path.is_dir() and (is_folder or not path.is_file()):
        raise InputError(f"{path} exists and is no {'folder' if is_folder else 'ordinary file'}: choose another name")
    _check_parent(path)


def _check_parent(path: Path) -> None:
    parent = path.parent
    if not parent.is_dir():
        raise InputError(f"{path} cannot be written: there is no folder {parent}; make it first")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise InputError(f"{path} cannot be written: no permission to write in {parent.resolve()}")


def make_folder(path: str | Path) -> Path:
    """The folder, absolute, made if it is missing; InputError where that cannot be, or nobody may write in it."""
    folder = Path(os.path.expanduser(path)).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"the folder {folder} cannot be made: {error.strerror}") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"no permission to write in the folder {folder}")
    return folder


def check_fps(fps: float, save_format: str) -> None:
    """Raises InputError where ``save_format`` cannot play ``fps`` frames per second."""
    most = _MAX_FPS[save_format]
    if not _MIN_FPS <= fps <= most:
        raise InputError(f"fps = {fps}: a {save_format} plays {_MIN_FPS} to {most:g} frames per second")


def write(frames: Iterable[np.ndarray], path: str | Path, fps: float, recipe: dict[str, Any]) -> Path:
    """Writes frames (uint8 RGB ``[H, W, 3]``, all of one size) as they come; the ending of ``path`` is the format.

    mp4: H.264, yuv420p, index in front; webm: VP9; both padded to even sides by repeating the last row or column.
    gif: endless loop, a palette per frame. png: a folder of 00000.png, ... and recipe.json. ``recipe`` (JSON types) is
    kept in the file, see ``read_recipe``. The path appears when the file is complete; on any exception nothing is left.
    Raises InputError for an unknown ending, an impossible ``fps``, no frames, or frames of the wrong form.
    """
    path = Path(path)
    save_format = _ending(path)
    if save_format not in FORMATS:
        raise InputError(f"{path}: the name must end in one of {', '.join('.' + name for name in FORMATS)}")
    check_fps(fps, save_format)
    _check_target(path)
    recipe_text = json.dumps(recipe)
    with _complete_or_nothing(path) as part:
        _WRITERS[save_format](_checked(frames), part, fps, recipe_text)
    return path


@contextmanager
def _complete_or_nothing(path: Path) -> Iterator[Path]:
    part = path.with_name(f".ppt2v-{secrets.token_hex(6)}.part")
    try:
        yield part
        os.replace(part, path)
    finally:
        if part.is_dir():
            shutil.rmtree(part)
        else:
            part.unlink(missing_ok=True)


def _checked(frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    shape = None
    for frame in frames:
        shape = shape or frame.shape
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or frame.shape != shape:
            raise InputError(f"a frame is {frame.dtype} {frame.shape}: frames must be uint8 [H, W, 3], all of one size")
        yield frame
    if shape is None:
        raise InputError("there are no frames to write: give at least one")


def _write_container(save_format: str) -> Callable[[Iterator[np.ndarray], Path, float, str], None]:
    codec, codec_options, container_options = _ENCODERS[save_format]

    def write_frames(frames: Iterator[np.ndarray], part: Path, fps: float, recipe_text: str) -> None:
        import av

        # "bitexact" leaves out random identifiers: the same frames give the same bytes.
        options = {"fflags": "+bitexact", **container_options}
        with av.open(str(part), "w", format=save_format, options=options) as container:
            container.metadata["comment"] = recipe_text
            rate = Fraction(fps).limit_denominator(1001)
            stream = container.add_stream(codec, rate=rate, options=codec_options)
            for index, frame in enumerate(frames):
                if index == 0:
                    _describe(stream, frame)
                container.mux(stream.encode(_yuv420p(frame, index, 1 / rate)))
            container.mux(stream.encode())

    return write_frames


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


def _write_gif(frames: Iterator[np.ndarray], part: Path, fps: float, recipe_text: str) -> None:
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
    return (data[start:start + 255] for start in range(0, len(data), 255))


def _paletted(frame: np.ndarray) -> Any:
    from PIL import Image

    image = Image.fromarray(frame)
    palette = image.quantize(256, method=Image.Quantize.MEDIANCUT)
    return image.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)


def _write_pngs(frames: Iterator[np.ndarray], part: Path, fps: float, recipe_text: str) -> None:
    from PIL import Image

    part.mkdir()
    for index, frame in enumerate(frames):
        Image.fromarray(frame).save(part / f"{index:05d}.png")
    (part / "recipe.json").write_text(recipe_text + "\n", encoding="ascii")


_WRITERS: dict[str, Callable[[Iterator[np.ndarray], Path, float, str], None]] = {
    "mp4": _write_container("mp4"), "webm": _write_container("webm"), "gif": _write_gif, "png": _write_pngs}


def read_recipe(path: str | Path) -> dict[str, Any]:
    """The recipe that ``write`` put into a file or PNG folder; InputError where there is none."""
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path} does not exist: give a video that ppt2v has written")
    try:
        recipe = json.loads(_recipe_text(path))
    except (OSError, SyntaxError, ValueError):
        recipe = None
    if not isinstance(recipe, dict):
        raise InputError(f"{path} holds no recipe: it was not written by ppt2v, or was converted since")
    return recipe


def _recipe_text(path: Path) -> str | bytes:
    if path.is_dir():
        return (path / "recipe.json").read_bytes()
    if path.suffix.lower() == ".gif":
        from PIL import Image

        with Image.open(path) as image:
            return image.info.get("comment", b"")
    import av

    with av.open(str(path)) as container:
        return {key.lower(): text for key, text in container.metadata.items()}.get("comment", "")


def read(path: str | Path, start_t: float = 0.0, end_t: float = -1.0, out_fps: float = -1.0,
         resolution: int | None = None, multiple: int = 64) -> Clip:
    """Reads what a video shows in [start_t, end_t) seconds; ``end_t`` < 0: to its end.

    out_fps: the frames shown at start_t, start_t + 1/out_fps, ... are taken; < 0: every frame, at the video's own rate.
    resolution: length of the longest side in pixels; None: as it is. Either way both sides are then rounded to
    ``multiple``, at least one of them, as Text2Video-Zero's prepare_video does.
    Raises InputError for a wrong path, a damaged or truncated file, a file without video, or an impossible value.
    """
    _check_times(start_t, end_t, out_fps)
    if resolution is not None and resolution <= 0:
        raise InputError(f"resolution = {resolution}: give the longest side in pixels, 1 or more")
    if multiple < 1:
        raise InputError(f"multiple = {multiple}: sides can be rounded to multiples of 1 or more")
    return Clip(*read_frames(Path(path), start_t, end_t, out_fps, resolution, multiple))


def check_clip(path: str | Path, start_t: float = 0.0, end_t: float = -1.0, out_fps: float = -1.0) -> int:
    """How many frames ``read`` would give, without decoding one; raises InputError as it does."""
    _check_times(start_t, end_t, out_fps)
    return len(frame_indices(Path(path), start_t, end_t, out_fps)[0])


def _check_times(start_t: float, end_t: float, out_fps: float) -> None:
    for name, value in (("start_t", start_t), ("end_t", end_t), ("out_fps", out_fps)):
        if not math.isfinite(value):
            raise InputError(f"{name} = {value}: it must be a finite number")
    if start_t < 0 or 0 <= end_t <= start_t:
        raise InputError(f"start_t = {start_t}, end_t = {end_t}: give 0 <= start_t < end_t, or end_t = -1 for the end")
    if out_fps == 0:
        raise InputError("out_fps = 0: give the frames per second to take, or -1 for the video's own rate")


def contact_sheet(frames: Iterable[np.ndarray], path: str | Path, columns: int = 4) -> Path:
    """Writes frames (each uint8 RGB ``[H, W, 3]``) side by side, ``columns`` in a row, as one PNG; returns ``path``."""
    from PIL import Image

    path = Path(path)
    if columns < 1:
        raise InputError(f"columns = {columns}: a contact sheet has 1 or more")
    if path.is_dir():
        raise InputError(f"{path} is a folder: give the name of a file")
    _check_parent(path)
    sheet = Image.fromarray(tile(list(_checked(frames)), columns))
    with _complete_or_nothing(path) as part:
        sheet.save(part, format="PNG")
    return path
