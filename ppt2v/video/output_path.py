"""The file that a run writes: its name, its format, what can be said against it before the run."""

from __future__ import annotations

import mimetypes
import os
import warnings
from collections.abc import Iterable
from itertools import count
from pathlib import Path

from ppt2v.errors import InputError
from ppt2v.language import words

FORMATS = ("mp4", "gif", "webm", "png")
# A gif's delays are whole 1/100 s, and browsers slow a delay of 1/100 s down to 1/10 s; webm counts milliseconds.
_MIN_FPS, _MAX_FPS = 0.01, {"mp4": 1000.0, "gif": 50.0, "webm": 1000.0, "png": 1000.0}

# Bytes of a name that is made here. File systems take 255; endings, numbers and ".resume" are put behind it.
LONGEST_STEM = 200


def shortened(stem: str, ending: str = "") -> str:
    """As much of a name, in whole characters, as takes no more than ``LONGEST_STEM`` bytes with its ending."""
    return stem.encode()[: LONGEST_STEM - len(ending)].decode(errors="ignore").rstrip(" .-") + ending


def output_file(out: str | Path | None, save_format: str | None, stem: str, sources: Iterable[str | Path] = ()) -> Path:
    """Decides the path to write and checks that it can be written, before anything is computed.

    With ``save_format`` its ending is appended where ``out`` does not have it; without, the ending of ``out`` decides,
    else mp4. ``out=None``: a free name ``<stem>.<format>``, ``<stem>-2.<format>``, ... in the current folder. For "png"
    the path is a folder. An existing file is fine (it is replaced once the new one is complete), unless it is one of
    the ``sources``, the files that the video is made from. Raises InputError.
    """
    save_format = _known_format(save_format)
    if out is None:
        path = _free_name(shortened(stem), save_format or "mp4")
    else:
        path = _with_ending(Path(os.path.expanduser(out)), save_format)
    check_target(path)
    for source in sources:
        if path.exists() and os.path.exists(source) and os.path.samefile(path, source):
            raise InputError(
                "E-OUT-IS-CLIP",
                "{path} is what the video is made from and would be lost: give the video another name",
                path=path,
            )
    return path


def keeps_sound(path: Path) -> bool:
    """Whether the format that the ending of ``path`` names can have sound."""
    return ending(path) in ("mp4", "webm")


def _known_format(save_format: str | None) -> str | None:
    if save_format is None:
        return None
    name = save_format.lower().lstrip(".")
    if name not in FORMATS:
        raise InputError(
            "E-FORMAT-UNKNOWN",
            "unknown save format {format!r}: choose one of {formats}",
            format=save_format,
            formats=FORMATS,
        )
    return name


def ending(path: Path) -> str:
    """The media format that the ending of ``path`` names, known to ppt2v or not; "" for any other ending."""
    ending = path.suffix.lower().lstrip(".")
    kind = mimetypes.guess_type(f"x.{ending}")[0] or ""
    return ending if ending in FORMATS or kind.startswith(("video/", "image/")) else ""


def _free_name(stem: str, save_format: str) -> Path:
    names = (Path(f"{stem}.{save_format}" if n == 1 else f"{stem}-{n}.{save_format}") for n in count(1))
    return next(name for name in names if not os.path.lexists(name))


def _with_ending(out: Path, save_format: str | None) -> Path:
    given = ending(out)
    if given and save_format and given != save_format:
        raise InputError(
            "E-OUT-FORMAT",
            "{out} ends in .{given}, but the save format is {save_format}: change one of them",
            out=out,
            given=given,
            save_format=save_format,
        )
    if given:
        _known_format(given)
        return out
    if os.path.isdir(out):  # unlike Path.is_dir, never raises
        raise InputError(
            "E-OUT-FOLDER",
            "{out} is a folder: give the name of a file in it, such as {example}",
            out=out,
            example=out / "video.mp4",
        )
    path = out.with_name(f"{out.name}.{save_format or 'mp4'}")
    if out.suffix and not save_format:
        told = words(
            "{ending} is the ending of no known format; the video becomes {path}", ending=out.suffix, path=path
        )
        warnings.warn(str(told), stacklevel=2)
    return path


def check_target(path: Path) -> None:
    try:
        path.exists()
    except OSError as error:
        raise InputError(
            "E-OUT-WRITE", "{path} cannot be written: {reason}", path=path, reason=error.strerror
        ) from None
    is_folder = ending(path) == "png"
    if path.is_dir() and not is_folder:
        raise InputError("E-OUT-IS-FOLDER", "{path} is a folder: give the name of a file", path=path)
    if path.is_dir() and any(path.iterdir()):
        raise InputError(
            "E-OUT-FOLDER-FULL",
            "the folder {path} is not empty: numbered PNGs need a new or an empty folder",
            path=path,
        )
    if path.exists() and not path.is_dir() and (is_folder or not path.is_file()):
        raise InputError(
            "E-OUT-EXISTS",
            "{path} exists and is no {kind}: choose another name",
            path=path,
            kind=words("folder") if is_folder else words("ordinary file"),
        )
    check_parent(path)


def check_parent(path: Path) -> None:
    parent = path.parent
    if not parent.is_dir():
        raise InputError(
            "E-FOLDER-MISSING",
            "{path} cannot be written: there is no folder {parent}; make it first",
            path=path,
            parent=parent,
        )
    if not os.access(parent, os.W_OK | os.X_OK):
        raise InputError(
            "E-FOLDER-FORBIDDEN",
            "{path} cannot be written: no permission to write in {folder}",
            path=path,
            folder=parent.resolve(),
        )


def make_folder(path: str | Path) -> Path:
    """The folder, absolute, made if it is missing; InputError where that cannot be, or nobody may write in it."""
    folder = Path(os.path.expanduser(path)).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            "E-FOLDER-MAKE", "the folder {folder} cannot be made: {reason}", folder=folder, reason=error.strerror
        ) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError("E-FOLDER-READONLY", "no permission to write in the folder {folder}", folder=folder)
    return folder


def check_fps(fps: float, save_format: str, interpolate: int = 1) -> None:
    """Raises InputError where ``save_format`` cannot play ``interpolate`` times ``fps`` frames per second."""
    most = _MAX_FPS[save_format]
    if interpolate > 1 and not _MIN_FPS <= fps * interpolate <= most:
        raise InputError(
            "E-FPS-INTERPOLATE",
            "fps={fps:g} and interpolate={interpolate}: these are {product:g} frames per second, and a {format} plays "
            "{least} to {most:g}; change one of the two",
            fps=fps,
            interpolate=interpolate,
            product=fps * interpolate,
            format=save_format,
            least=_MIN_FPS,
            most=most,
        )
    if not _MIN_FPS <= fps <= most:
        raise InputError(
            "E-FPS-RANGE",
            "fps = {fps}: a {format} plays {least} to {most:g} frames per second",
            fps=fps,
            format=save_format,
            least=_MIN_FPS,
            most=most,
        )
