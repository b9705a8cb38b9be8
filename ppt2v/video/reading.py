"""Which frames of a video file are wanted, decoding them, and their size. Used through ``video.read``."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ppt2v.errors import InputError

_BATCH = 16  # frames decoded at once: at full size only these are in memory
_SLACK = 1e-3  # seconds; the time stamps of some containers are rounded to milliseconds


class _Timeline(NamedTuple):
    starts: np.ndarray  # seconds at which each frame is first shown, increasing, from 0
    end: float  # seconds
    fps: float
    height: int = 0
    width: int = 0

    @property
    def facts(self) -> Facts:
        return Facts(len(self.starts), self.end, self.height, self.width)


class Facts(NamedTuple):
    """What a video file says of itself: number of frames, seconds, and pixels along each side."""

    frames: int
    seconds: float
    height: int
    width: int


@dataclass(frozen=True)
class Clip:
    """frames: uint8 RGB ``[F, H, W, 3]``; fps: frames per second, > 0."""

    frames: np.ndarray
    fps: float


@dataclass(frozen=True)
class Part:
    """A part of a clip whose packets have been read, and none of its frames decoded.

    Args:
        path: of the file.
        facts: of the whole clip.
        indices: the frames of the clip that are shown in the part, in order; one may be shown more than once.
        fps: frames per second.
    """

    path: Path
    facts: Facts
    indices: np.ndarray
    fps: float

    @property
    def count(self) -> int:
        """Number of frames."""
        return len(self.indices)

    def read(self, resolution: int | None = None, multiple: int = 64) -> Clip:
        """Decodes the part; the arguments are those of the function ``read``, and so are the errors."""
        if resolution is not None and resolution <= 0:
            raise InputError(f"resolution = {resolution}: give the longest side in pixels, 1 or more")
        if multiple < 1:
            raise InputError(f"multiple = {multiple}: sides can be rounded to multiples of 1 or more")
        wanted, places = np.unique(self.indices, return_inverse=True)
        frames = _decode(self.path, wanted.tolist(), self.facts.frames, resolution, multiple)
        return Clip(frames[places] if len(wanted) < self.count else frames, self.fps)


def facts(path: str | Path) -> Facts:
    """What a video file says of itself, without decoding a frame; errors as ``read``."""
    return _timeline(Path(path)).facts


def part(path: str | Path, start_t: float = 0.0, end_t: float = -1.0, out_fps: float = -1.0) -> Part:
    """What a video shows in [start_t, end_t) seconds, without decoding a frame; arguments and errors as ``read``."""
    _check_times(start_t, end_t, out_fps)
    path, timeline = Path(path), _timeline(Path(path))
    if start_t >= timeline.end - _SLACK:
        raise InputError(f"start_t = {start_t}: {path} ends at {timeline.end:g} s; start earlier")
    end_t = timeline.end if end_t < 0 else min(end_t, timeline.end)
    indices = _shown(timeline, start_t, end_t, out_fps)
    return Part(path, timeline.facts, indices, float(out_fps) if out_fps > 0 else timeline.fps)


def read(
    path: str | Path,
    start_t: float = 0.0,
    end_t: float = -1.0,
    out_fps: float = -1.0,
    resolution: int | None = None,
    multiple: int = 64,
) -> Clip:
    """Reads what a video shows in [start_t, end_t) seconds; ``end_t`` < 0: to its end.

    out_fps: the frames shown at start_t, start_t + 1/out_fps, ... are taken; < 0: every frame, at the video's own rate.
    resolution: length of the longest side in pixels; None: as it is. Either way both sides are then rounded to
    ``multiple``, at least one of them, as Text2Video-Zero's prepare_video does.
    Raises InputError for a wrong path, a damaged or truncated file, a file without video, or an impossible value.
    """
    return part(path, start_t, end_t, out_fps).read(resolution, multiple)


def _timeline(path: Path) -> _Timeline:
    """Reads every packet without decoding it: decord can crash on, or silently shorten, a file that is cut off."""
    import av

    if not path.exists():
        raise InputError(f"{path} does not exist: give a video file")
    if not path.is_file() or path.stat().st_size == 0:
        raise InputError(f"{path} is {'empty' if path.is_file() else 'no file'}: give a video file")
    try:
        with av.open(str(path)) as container:
            stream = _video_stream(container)
            if stream is None:
                raise InputError(f"{path} contains no video: give a video file")
            packets = [packet for packet in container.demux(stream) if packet.size]
            timeline = _measure(stream, packets) if packets else None
            if timeline is None or _is_cut_off(path, container, stream, packets):
                raise InputError(f"{path} is truncated: a part of the video is missing; copy or download it again")
            return timeline._replace(height=stream.height, width=stream.width)
    except (av.FFmpegError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is no video that can be read, or is damaged: {error}") from error


def _video_stream(container: Any) -> Any:
    from av.stream import Disposition

    # Pictures of an album's cover are streams too, and FFmpeg renders plain text ("tty") as a film.
    streams = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    return streams[0] if streams and container.format.name != "tty" else None


def _measure(stream: Any, packets: list[Any]) -> _Timeline:
    fps = float(stream.average_rate or stream.guessed_rate or 25)
    if any(packet.pts is None for packet in packets):
        return _Timeline(np.arange(len(packets)) / fps, len(packets) / fps, fps)
    seconds = float(stream.time_base)
    starts = np.sort([packet.pts * seconds for packet in packets])
    end = max(packet.pts * seconds + (packet.duration * seconds if packet.duration else 1 / fps) for packet in packets)
    measured = len(starts) / (end - starts[0])
    # FFmpeg's stated rate is exact for a steady video and a guess for a gif.
    return _Timeline(starts - starts[0], end - starts[0], fps if abs(fps / measured - 1) < 0.02 else measured)


def _is_cut_off(path: Path, container: Any, stream: Any, packets: list[Any]) -> bool:
    if any(packet.is_corrupt for packet in packets):
        return True
    if container.format.name == "gif":
        return not path.read_bytes().rstrip(b"\0").endswith(b";")
    stated = _stated_end(container, stream)
    if stated is None or any(packet.pts is None for packet in packets):
        return False
    seconds = float(stream.time_base)
    times = np.sort([packet.pts * seconds for packet in packets])
    last = max(packets, key=lambda packet: packet.pts)
    interval = max(np.diff(times), default=stated)
    # A last frame without a duration may have been meant to stay for as long as any other.
    tolerance = 0.5 * interval if last.duration else 1.5 * interval
    return times[-1] + (last.duration or 0) * seconds < stated - tolerance - _SLACK


def _stated_end(container: Any, stream: Any) -> float | None:
    """Seconds at which the file's header says that the stream ends."""
    if stream.duration:
        return float(stream.duration * stream.time_base)
    if "DURATION" in stream.metadata:
        hours, minutes, seconds = stream.metadata["DURATION"].split(":")
        return 3600 * int(hours) + 60 * int(minutes) + float(seconds)
    if container.duration and len(container.streams) == 1:
        return container.duration / 1e6
    return None


def _shown(timeline: _Timeline, start_t: float, end_t: float, out_fps: float) -> np.ndarray:
    """Indices of the frames that are on show in [start_t, end_t), or at every 1/out_fps of it."""
    first = np.searchsorted(timeline.starts, start_t + _SLACK, side="right") - 1
    if out_fps < 0:
        last = np.searchsorted(timeline.starts, end_t - _SLACK, side="left")
        return np.arange(first, max(last, first + 1))
    number = max(1, int(np.ceil((end_t - start_t - _SLACK) * out_fps)))
    times = start_t + np.arange(number) / out_fps
    return np.searchsorted(timeline.starts, times + _SLACK, side="right") - 1


def _decode(path: Path, indices: list[int], total: int, resolution: int | None, multiple: int) -> np.ndarray:
    import av
    import decord

    decord.logging.set_level(decord.logging.QUIET)
    try:
        return _resized(_with_decord(path, indices, total), len(indices), resolution, multiple)
    except (decord.DECORDError, RuntimeError):
        pass  # decord's FFmpeg is old: gif, AV1 and others are beyond it
    try:
        return _resized(_with_av(path, indices), len(indices), resolution, multiple)
    except (av.FFmpegError, EOFError) as error:
        raise InputError(f"{path} is damaged, its frames cannot be decoded: copy or download it again") from error


def _with_decord(path: Path, indices: list[int], total: int) -> Iterator[np.ndarray]:
    import decord

    reader = decord.VideoReader(str(path))
    if len(reader) != total:
        raise RuntimeError(f"decord finds {len(reader)} of {total} frames")
    for start in range(0, len(indices), _BATCH):
        yield from reader.get_batch(indices[start : start + _BATCH]).asnumpy()


def _with_av(path: Path, indices: list[int]) -> Iterator[np.ndarray]:
    import av

    wanted = set(indices)
    with av.open(str(path)) as container:
        for index, frame in enumerate(container.decode(_video_stream(container))):
            if index in wanted:
                wanted.remove(index)
                yield frame.to_ndarray(format="rgb24")
            if not wanted:
                return
    raise EOFError(f"{len(wanted)} frames are missing")


def _resized(frames: Iterator[np.ndarray], number: int, resolution: int | None, multiple: int) -> np.ndarray:
    result = None
    for index, frame in enumerate(frames):
        if result is None:
            result = on_disk((number, *_size(*frame.shape[:2], resolution, multiple), 3))
        result[index] = _resample(frame, *result.shape[1:3])
    return result


def on_disk(shape: tuple[int, ...]) -> np.ndarray:
    """A uint8 array in a file that vanishes with it: a clip of any length takes no memory that others need."""
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, np.uint8, "w+", shape=shape)


def _size(height: int, width: int, resolution: int | None, multiple: int) -> tuple[int, int]:
    scale = 1.0 if resolution is None else resolution / max(height, width)
    rows, columns = (max(1, int(np.round(side * scale / multiple))) * multiple for side in (height, width))
    return rows, columns


def _resample(frame: np.ndarray, height: int, width: int) -> np.ndarray:
    import cv2

    if frame.shape[:2] == (height, width):
        return frame
    shrinks = height * width < frame.shape[0] * frame.shape[1]
    return cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LANCZOS4)


def _check_times(start_t: float, end_t: float, out_fps: float) -> None:
    for name, value in (("start_t", start_t), ("end_t", end_t), ("out_fps", out_fps)):
        if not math.isfinite(value):
            raise InputError(f"{name} = {value}: it must be a finite number")
    if start_t < 0 or 0 <= end_t <= start_t:
        raise InputError(f"start_t = {start_t}, end_t = {end_t}: give 0 <= start_t < end_t, or end_t = -1 for the end")
    if out_fps == 0:
        raise InputError("out_fps = 0: give the frames per second to take, or -1 for the video's own rate")
