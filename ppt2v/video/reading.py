"""Clips: which frames of one are asked for, and reading them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ppt2v.errors import InputError
from ppt2v.language import Message, words

from . import pictures
from .film import Film, open_film
from .made import Made
from .scaling import target_size
from .sound import Sound, read_sound
from .storage import on_disk
from .timeline import SLACK, Timeline

Source = Film | pictures.Pictures | Made  # what a clip is read from


@dataclass(frozen=True)
class Clip:
    """frames: uint8 RGB ``[F, H, W, 3]``; fps: frames per second, > 0."""

    frames: np.ndarray
    fps: float


class Facts(NamedTuple):
    """What there is to know of a clip: number of frames, seconds, and pixels along each side, as they are shown."""

    frames: int
    seconds: float
    height: int
    width: int


@dataclass(frozen=True)
class Part:
    """A part of a clip whose frames are known and not yet read.

    Args:
        source: the clip; its packets are not looked at again.
        indices: which of its frames are taken, int ``[F]``, never decreasing.
        fps: frames per second.
        start_t: seconds of the clip at which the part begins.
    """

    source: Source
    indices: np.ndarray
    fps: float
    start_t: float

    @property
    def path(self) -> Path:
        """The clip's file or folder."""
        return self.source.path

    @property
    def count(self) -> int:
        """Number of frames."""
        return len(self.indices)

    @property
    def facts(self) -> Facts:
        """Of the clip as far as it was looked at."""
        return _facts(self.source)

    @property
    def notes(self) -> tuple[Message, ...]:
        """What is done to the frames beyond reading them, a line each."""
        return self.source.notes

    def first(self, count: int) -> Part:
        """Its first frames, so many at most."""
        return replace(self, indices=self.indices[:count])

    def read(self, resolution: int | None = None, multiple: int = 64) -> Clip:
        """The frames, in a file that vanishes with them.

        Args:
            resolution: length of the longest side in pixels; None: as it is. Either way both sides are then rounded to
                ``multiple``, at least one of them, as Text2Video-Zero's prepare_video does.

        Raises:
            InputError: a damaged file, an impossible value, no room on the disk.
        """
        frames = on_disk((len(self.indices), *self.size(resolution, multiple), 3))
        wanted, places = np.unique(self.indices, return_index=True)
        ends = [*places[1:], len(frames)]
        for frame, place, end in zip(self.source.frames(wanted, *frames.shape[1:3]), places, ends):
            frames[place:end] = frame
        return Clip(frames, self.fps)

    def size(self, resolution: int | None, multiple: int) -> tuple[int, int]:
        """Height and width in pixels at which ``read`` gives the frames; errors as its own for impossible values."""
        if resolution is not None and resolution <= 0:
            raise InputError(
                "E-CLIP-RESOLUTION",
                "resolution = {resolution}: give the longest side in pixels, 1 or more",
                resolution=resolution,
            )
        if multiple < 1:
            raise InputError(
                "E-CLIP-MULTIPLE",
                "multiple = {multiple}: sides can be rounded to multiples of 1 or more",
                multiple=multiple,
            )
        return target_size(self.source.height, self.source.width, resolution, multiple)

    @property
    def has_sound(self) -> bool:
        """Whether the file has any."""
        return isinstance(self.source, Film) and self.source.has_sound

    def sound(self) -> Sound | None:
        """What is to be heard while the frames are shown; None where the file has no sound.

        Raises:
            InputError: no room on the disk.
        """
        if not isinstance(self.source, Film) or not self.source.has_sound:
            return None
        return read_sound(self.source.path, self.source.begins + self.start_t, len(self.indices) / self.fps)


def part(path: str | Path, start_t: float = 0.0, end_t: float = -1.0, out_fps: float = -1.0) -> Part:
    """What a clip shows in [start_t, end_t) seconds; no more of the file is looked at than that takes.

    Args:
        path: a video file, an animation, a folder of pictures, or a single one.
        end_t: < 0: to its end.
        out_fps: the frames shown at start_t, start_t + 1/out_fps, ... are taken; < 0: every frame, at the clip's own
            rate; where that varies, the frames that are shown at the rate of most of them.

    Raises:
        InputError: a wrong path, a damaged or truncated file, one without video, times outside it.
    """
    path = Path(path)
    _check_times(start_t, end_t, out_fps)
    source = _source(path, end_t)
    if start_t and start_t >= source.timeline.end - SLACK:
        raise InputError(
            "E-CLIP-START",
            "start_t = {start_t}: {path} ends at {end:g} s; start earlier",
            start_t=start_t,
            path=path,
            end=source.timeline.end,
        )
    end_t = source.timeline.end if end_t < 0 else end_t
    fps = float(out_fps) if out_fps > 0 else source.timeline.fps
    return Part(source, source.timeline.indices(start_t, end_t, out_fps), fps, start_t)


def whole(frames: np.ndarray, fps: float) -> Part:
    """All of frames that are there already, uint8 RGB ``[F, H, W, 3]``, at so many per second."""
    shown = Timeline(np.arange(len(frames)) / fps, len(frames) / fps, fps)
    return Part(Made(frames, shown), np.arange(len(frames)), fps, 0.0)


def read(
    path: str | Path,
    start_t: float = 0.0,
    end_t: float = -1.0,
    out_fps: float = -1.0,
    resolution: int | None = None,
    multiple: int = 64,
) -> Clip:
    """The frames of ``part`` in the size that ``Part.read`` gives them; errors as theirs."""
    return part(path, start_t, end_t, out_fps).read(resolution, multiple)


def facts(path: str | Path, most_frames: int | None = None, most_side: int | None = None) -> Facts:
    """What there is to know of a clip, found out without decoding more than a picture of a video file.

    Args:
        most_frames: number of frames after which no more are counted.
        most_side: longest side in pixels; of a larger clip nothing is decoded.

    Raises:
        InputError: as ``part``; a side above ``most_side``.
    """
    return _facts(_source(Path(path), -1.0, most_frames, most_side))


def _facts(source: Source) -> Facts:
    return Facts(len(source.timeline.starts), source.timeline.end, source.height, source.width)


def _source(path: Path, end_t: float, most_frames: int | None = None, most_side: int | None = None) -> Source:
    try:
        if path.is_dir():
            return pictures.open_folder(path)
        if not path.exists():
            raise InputError("E-CLIP-MISSING", "{path} does not exist: give a video file", path=path)
        if not path.is_file() or path.stat().st_size == 0:
            raise InputError(
                "E-CLIP-NO-FILE",
                "{path} is {kind}: give a video file",
                path=path,
                kind=words("empty") if path.is_file() else words("no file"),
            )
        if pictures.kind(path):
            return pictures.open_pictures(path, most_frames, most_side)
    except OSError as error:
        raise InputError(
            "E-FILE-UNREADABLE", "{path} cannot be read: {reason}", path=path, reason=error.strerror or error
        ) from error
    return open_film(path, end_t, most_frames, most_side)


def _check_times(start_t: float, end_t: float, out_fps: float) -> None:
    for name, value in (("start_t", start_t), ("end_t", end_t), ("out_fps", out_fps)):
        if not math.isfinite(value):
            raise InputError("E-CLIP-TIME", "{name} = {value}: it must be a finite number", name=name, value=value)
    if start_t < 0 or 0 <= end_t <= start_t:
        raise InputError(
            "E-CLIP-TIMES",
            "start_t = {start_t}, end_t = {end_t}: give 0 <= start_t < end_t, or end_t = -1 for the end",
            start_t=start_t,
            end_t=end_t,
        )
    if out_fps == 0:
        raise InputError(
            "E-CLIP-FPS-ZERO", "out_fps = 0: give the frames per second to take, or -1 for the video's own rate"
        )
