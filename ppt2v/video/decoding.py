"""Decoding a video file with PyAV: the frames in the order in which they are shown, from any place on."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, dropwhile
from pathlib import Path
from typing import Any

_EARLIER = (0, 2, 10, 60)  # seconds before a wanted frame at which a key frame is looked for, one after the other
_RECORDED = ("mpegts", "mpeg")  # formats of broadcasts and recorders; players pass over what is damaged in them
_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}  # FFmpeg's own decoders pass over what is transparent
_OWED = 2  # frames that some decoders do not give at the end; more that are missing are damage


@contextmanager
def opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """The container (``av.InputContainer``) and the video stream that players show; None where there is none."""
    import av
    from av.codec.context import Flags

    with av.open(str(path)) as container:
        stream = _video_stream(container)
        if stream is not None:
            stream.thread_type = "AUTO"
            stream.codec_context.flags |= Flags.unaligned  # else a margin on the left is cut off in steps
        yield container, stream


def _video_stream(container: Any) -> Any:
    """As ffmpeg chooses: no pictures of covers; the one marked as default, else the largest, else the first.

    Raises:
        av.DecoderNotFoundError: there are some, and none that can be decoded.
    """
    from av import DecoderNotFoundError
    from av.stream import Disposition

    if container.format.name == "tty":  # FFmpeg renders plain text as a film
        return None
    pictures = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
    streams = [stream for stream in container.streams.video if not stream.disposition & pictures]
    readable = [stream for stream in streams if stream.codec_context is not None]
    if streams and not readable:
        raise DecoderNotFoundError(errno.ENOTSUP, "there is no decoder for it", container.name)
    return max(
        readable,
        key=lambda stream: (bool(stream.disposition & Disposition.default), stream.width * stream.height),
        default=None,
    )


def is_recorded(container: Any) -> bool:
    """Whether damage in it is usual: the beginning and the end of a broadcast are where somebody pressed a button."""
    return container.format.name in _RECORDED


def decoded(path: Path, keyed: bool, stamp: int | None) -> Iterator[Any]:
    """The frames (``av.VideoFrame``) of a file as they are shown.

    Args:
        keyed: whether key frames are marked; decoding begins at one.
        stamp: time stamp of a frame that is to be among them, if it is there at all; None: from the first on.
    """
    import av

    for seconds in _EARLIER if keyed and stamp is not None else ():
        with opened(path) as (container, stream):
            if container.format.name == "mpeg":  # its time stamps are too few to know where one is after a jump
                break
            try:
                container.seek((stamp or 0) - int(seconds / stream.time_base), stream=stream)
                packets = _from_key_frame(container, stream)
                first = next(packets, None)
            except av.FFmpegError:
                continue
            # The index of some containers leads to a place behind the one that is asked for.
            if first is not None and first.pts is not None and first.pts <= stamp:
                yield from decoded_packets(container, stream, chain([first], packets))
                return
    with opened(path) as (container, stream):
        yield from from_first(container, stream, keyed)


def from_first(container: Any, stream: Any, keyed: bool) -> Iterator[Any]:
    """The same of a file that has just been opened, from its first frame on."""
    packets = _from_key_frame(container, stream) if keyed else container.demux(stream)
    return decoded_packets(container, stream, packets)


def _from_key_frame(container: Any, stream: Any) -> Iterator[Any]:
    return dropwhile(lambda packet: not packet.is_keyframe, container.demux(stream))


def decoded_packets(container: Any, stream: Any, packets: Iterable[Any]) -> Iterator[Any]:
    """Their frames; what is damaged in a recording is passed over."""
    import av

    decoder = _decoder(stream)
    for packet in packets:
        try:
            frames = decoder.decode(packet)
        except av.FFmpegError:
            if not is_recorded(container):
                raise
            continue
        yield from frames


def _decoder(stream: Any) -> Any:
    """The stream's own, or one that also reads how transparent its pictures are."""
    import av

    name = _WITH_ALPHA.get(stream.codec_context.name) if stream.metadata.get("alpha_mode") == "1" else None
    return av.CodecContext.create(name, "r") if name in av.codecs_available else stream.codec_context


def shown(frames: Iterable[tuple[int, Any]], wanted: Iterable[int]) -> Iterator[Any]:
    """What is on show at each place of a film.

    Args:
        frames: each with the place at which it is first shown, increasing.
        wanted: the places, never decreasing.

    Raises:
        EOFError: too few frames are there.
    """
    frames = iter(frames)
    latest = ahead = None
    owed = 0
    for place in wanted:
        while latest is None or latest[0] < place:
            ahead = ahead or next(frames, None)
            if ahead is None or (latest is not None and ahead[0] > place):
                break
            latest, ahead = ahead, None
        if ahead is None and (latest is None or latest[0] < place):
            owed += 1
        if latest is None or owed > _OWED:
            raise EOFError
        yield latest[1]
