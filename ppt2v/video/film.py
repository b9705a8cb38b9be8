"""Video files: what they show and when, found out from their packets and their first frame, and their frames."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ppt2v.errors import InputError, Notice
from ppt2v.language import Message, words

from . import decord_frames
from .colour import Colour
from .decoding import decoded, from_first, is_recorded, opened, shown
from .fields import deinterlaced
from .orientation import Orientation
from .packets import Packets, scan
from .scaling import check_side, resample
from .timeline import SLACK, Timeline

_WHOLE = ("asf", "wtv")  # formats that say when the file ends, and not when each stream does
_FEW_PIXELS = 512 * 512  # of a frame; larger ones take decord longer than PyAV


@dataclass(frozen=True)
class Film:
    """A video file whose packets have been looked at.

    Args:
        path: its file.
        timeline: when its frames are shown.
        height, width: of a frame as shown: upright, with square pixels.
        notes: what is done to its frames, a line each.
        has_sound: whether there is anything to be heard.
    """

    path: Path
    timeline: Timeline
    height: int
    width: int
    notes: tuple[Message, ...]
    has_sound: bool
    _packets: Packets
    _orientation: Orientation
    _colour: Colour
    _stored: tuple[int, int]  # width and height of a frame in the file
    _suits_decord: bool

    @property
    def begins(self) -> float:
        """When the first frame is shown, in seconds of the clock that the file's sound has as well."""
        return float(self._packets.stamps[0]) / self._packets.second

    def frames(self, indices: np.ndarray, height: int, width: int) -> Iterator[np.ndarray]:
        """Frames as uint8 RGB ``[height, width, 3]``.

        Args:
            indices: which, int ``[N]``, increasing.

        Raises:
            InputError: the file is damaged.
        """
        import av

        done = 0
        if self._suits_decord and len(indices) == len(self.timeline.starts):
            for frame in decord_frames.read(self.path, len(indices)):
                yield resample(frame, height, width)
                done += 1
        try:
            yield from self._with_av(indices[done:], height, width)
        except (av.FFmpegError, EOFError) as error:
            raise InputError(
                "E-CLIP-DAMAGED",
                "{path} is damaged, its frames cannot be decoded: copy or download it again",
                path=self.path,
            ) from error

    def _with_av(self, indices: np.ndarray, height: int, width: int) -> Iterator[np.ndarray]:
        from av.video.reformatter import VideoReformatter

        if not len(indices):
            return
        stamps, wanted = self._packets.stamps, indices
        if not self._packets.counted:
            wanted = stamps[indices]
        begin = None if self._packets.counted or indices[0] == 0 else int(wanted[0])
        frames = deinterlaced(decoded(self.path, self._packets.keyed, begin))
        placed = ((index if self._packets.counted else frame.pts, frame) for index, frame in enumerate(frames))
        convert = VideoReformatter().reformat  # one for all: to set one up takes longer than a small frame
        size = self._orientation.sides(height, width)
        for frame in self._telling(shown(placed, wanted.tolist())):
            yield self._orientation.upright(self._colour.picture(frame, *size, convert))

    def _telling(self, frames: Iterator[Any]) -> Iterator[Any]:
        """The frames; that one has another size than the first of all is said once."""
        is_told = False
        for frame in frames:
            stored = frame.width, frame.height
            if not is_told and stored != self._stored:
                is_told = True
                notice = Notice(
                    "N-CLIP-SIZE",
                    "{name} goes over from {first} to {other} pixels: all frames are given the first size",
                    name=self.path.name,
                    first="{}x{}".format(*self._stored),
                    other="{}x{}".format(*stored),
                )
                warnings.warn(notice, stacklevel=2)
            yield frame


def open_film(path: Path, end_t: float = -1.0, most_frames: int | None = None, most_side: int | None = None) -> Film:
    """Looks at the packets of a video file, and at its first frame.

    Args:
        end_t: seconds after which nothing is wanted; < 0: none.
        most_frames: number of frames after which no more are looked for.
        most_side: longest side in pixels; a larger frame is not decoded.

    Raises:
        InputError: no video, damaged or truncated, or too large.
    """
    import av

    try:
        with opened(path) as (container, stream):
            if stream is None:
                raise InputError("E-CLIP-NO-VIDEO", "{path} contains no video: give a video file", path=path)
            fps = float(stream.average_rate or stream.guessed_rate or 25)
            packets = scan(container, stream, fps, is_recorded(container), end_t, most_frames)
            if not len(packets.stamps) or _is_cut_off(container, stream, packets):
                raise InputError(
                    "E-CLIP-TRUNCATED",
                    "{path} is truncated: a part of the video is missing; copy or download it again",
                    path=path,
                )
            check_side(path, stream.height, _width(stream, stream.width), most_side)
        with opened(path) as (container, stream):
            first = next(from_first(container, stream, packets.keyed))
            return _seen(path, packets, fps, first, container, stream)
    except (av.FFmpegError, UnicodeDecodeError, StopIteration) as error:
        raise InputError(
            "E-CLIP-UNREADABLE", "{path} is no video that can be read, or is damaged: {reason}", path=path, reason=error
        ) from error


def _width(stream: Any, stored: int) -> int:
    """The width at which pixels are square."""
    return max(1, round(stored * float(stream.sample_aspect_ratio or 1)))


def _is_cut_off(container: Any, stream: Any, packets: Packets) -> bool:
    if packets.corrupt and not is_recorded(container):
        return True
    stated = _stated_end(container, stream)
    if stated is None or not packets.complete or not packets.stamped:
        return False
    interval = np.diff(packets.stamps).max(initial=0) / packets.second or stated
    last_end = (packets.stamps[-1] + packets.last_duration) / packets.second
    # A last frame without a duration may have been meant to stay for as long as any other, and an edit list may begin
    # and end between two frames.
    tolerance = 0.5 * interval if packets.last_duration and not packets.hidden else 1.5 * interval
    return last_end < stated - tolerance - SLACK


def _stated_end(container: Any, stream: Any) -> float | None:
    """Seconds at which the file's header says that the stream ends; None: it does not say it."""
    if container.format.name in _WHOLE and len(container.streams) > 1:
        return None
    if stream.duration:
        return float(stream.duration * stream.time_base)
    if "DURATION" in stream.metadata:
        hours, minutes, seconds = stream.metadata["DURATION"].split(":")
        return 3600 * int(hours) + 60 * int(minutes) + float(seconds)
    if container.duration and len(container.streams) == 1:
        return container.duration / 1e6
    return None


def _seen(path: Path, packets: Packets, fps: float, first: Any, container: Any, stream: Any) -> Film:
    """The film whose first frame is this one."""
    if not packets.counted:
        packets = _from_stamp(packets, first.pts)
    starts = (packets.stamps - packets.stamps[0]) / packets.second
    timeline = Timeline(starts, float(packets.end - packets.stamps[0]) / packets.second, fps)
    matrix = first.side_data.get("DISPLAYMATRIX")
    orientation = Orientation() if matrix is None else Orientation.of(bytes(matrix))
    colour = Colour(stream.codec_context.color_trc, stream.codec_context.color_primaries)
    width = _width(stream, first.width)
    single = packets.complete and len(packets.stamps) == 1
    notes = _notes(path, timeline, colour, first.interlaced_frame, single)
    kind = stream.codec_context.name, container.format.name, first.format.name
    shown_height, shown_width = orientation.sides(first.height, width)
    return Film(
        path,
        timeline,
        shown_height,
        shown_width,
        notes,
        has_sound=bool(container.streams.audio),
        _packets=packets,
        _orientation=orientation,
        _colour=colour,
        _stored=(first.width, first.height),
        _suits_decord=kind == ("h264", "mov,mp4,m4a,3gp,3g2,mj2", "yuv420p")
        and (orientation, width) == (Orientation(), first.width)
        and not (notes or packets.counted or packets.hidden)
        and packets.complete
        and first.height * first.width <= _FEW_PIXELS,
    )


def _from_stamp(packets: Packets, stamp: int | None) -> Packets:
    """Without the frames that the decoder does not show, since others that they refer to are missing."""
    if stamp is None or stamp < packets.stamps[0]:
        return packets._replace(counted=True)
    return packets._replace(stamps=packets.stamps[packets.stamps >= stamp])


def _notes(path: Path, timeline: Timeline, colour: Colour, interlaced: bool, single: bool) -> tuple[Message, ...]:
    notes = [words("{name} is a single picture: the clip has one frame", name=path.name)] if single else []
    if timeline.steady_fps is None:
        rate = words(
            "the frame rate of {name} varies: it is read at {fps:.4g} frames per second",
            name=path.name,
            fps=timeline.fps,
        )
        notes.append(rate)
    if colour.high_dynamic_range:
        range_ = words(
            "{name} is HDR ({kind}): it is mapped to SDR (ITU-R BT.2408)",
            name=path.name,
            kind=colour.high_dynamic_range,
        )
        notes.append(range_)
    if interlaced:
        notes.append(words("{name} is interlaced: it is deinterlaced (bwdif)", name=path.name))
    return tuple(notes)
