"""The packets of a video file: when their frames are shown, which is known without decoding any."""

from __future__ import annotations

from array import array
from typing import Any, NamedTuple

import numpy as np

_MISSING = -(2**63)  # a time stamp that is not there
# Seconds that time stamps jump where one stream was appended to another, as ffmpeg has them.
_BACK, _AHEAD = 0.1, 10.0


class Packets(NamedTuple):
    """What the packets of a stream say.

    Args:
        stamps: of the frames that are shown, in the stream's time base, int64 ``[F]``, never decreasing; F may be 0.
        end: stamp at which the last one is no longer shown.
        stamped: whether all packets bear time stamps of the frames.
        counted: whether decoded frames do not bear these stamps, so that they have to be counted from the first on.
        keyed: whether decoding begins at a packet that is marked as a key frame; none is marked otherwise.
        hidden: whether some frames are decoded and not shown, as edit lists have it.
        corrupt: whether the container marks a packet so.
        complete: whether all packets were looked at.
        last_duration: of the frame that is shown last, in the time base; 0 where it has none.
        second: how many units of the time base it has.
    """

    stamps: np.ndarray
    end: float
    stamped: bool
    counted: bool
    keyed: bool
    hidden: bool
    corrupt: bool
    complete: bool
    last_duration: int
    second: float


def scan(container: Any, stream: Any, fps: float, may_jump: bool, end_t: float, most: int | None) -> Packets:
    """Reads the packets of a stream.

    Args:
        fps: frames per second, for frames without a time stamp or a duration.
        may_jump: whether time stamps begin anew where one stream was appended to another.
        end_t: seconds from the first frame on after which nothing is wanted; < 0: none.
        most: a number of frames that is enough.
    """
    found, complete = _Found(stream, may_jump), True
    for packet in container.demux(stream):
        if not _has_frame(packet, stream):
            continue
        found.add(packet)
        if len(found.shown) == most or 0 <= end_t < found.reached - 1:  # a second, for frames that are out of order
            complete = False
            break
    stamps, stamped = found.stamps(fps)
    order = np.argsort(stamps, kind="stable")
    stamps, durations = stamps[order], np.array(found.durations, np.int64)[order]
    ends = stamps + np.where(durations > 0, durations, found.second / fps)
    # Some programs write the order of decoding as that of showing; the decoder knows better.
    mislabelled = not found.reordered and bool(stream.codec_context.has_b_frames)
    return Packets(
        stamps,
        float(ends.max(initial=0)),
        stamped=stamped,
        counted=not stamped or found.jumps or mislabelled,
        keyed=found.keyed,
        hidden=found.hidden,
        corrupt=found.corrupt,
        complete=complete,
        last_duration=int(durations[-1]) if len(durations) else 0,
        second=found.second,
    )


def _has_frame(packet: Any, stream: Any) -> bool:
    if not packet.size:
        return False
    # VP8 stores frames that are never shown, for others to refer to (RFC 6386, 9.1).
    return stream.codec_context.name != "vp8" or bool(memoryview(packet)[0] & 0x10)


class _Found:
    """Time stamps as they come, without the packets, of which there may be very many."""

    def __init__(self, stream: Any, may_jump: bool):
        self.second = float(1 / stream.time_base)
        self.keyed = self.hidden = self.corrupt = self.reordered = self.jumps = False
        self.shown, self.decoding, self.durations = array("q"), array("q"), array("q")
        self._may_jump = may_jump
        self._shift, self._expected = 0, None

    @property
    def reached(self) -> float:
        """Seconds from the first frame on that all further packets are behind."""
        latest = next((stamps[-1] for stamps in (self.decoding, self.shown) if stamps and stamps[-1] != _MISSING), None)
        if latest is None:
            return 0.0
        known = (stamp for both in zip(self.shown, self.decoding) for stamp in both if stamp != _MISSING)
        return (latest - next(known)) / self.second

    def add(self, packet: Any) -> None:
        if packet.is_keyframe and not self.keyed:
            self.keyed = True
            del self.shown[:], self.decoding[:], self.durations[:]  # they cannot be decoded
        self.corrupt |= packet.is_corrupt
        if self._may_jump and packet.dts is not None:
            self._follow(packet)
        if packet.is_discard:
            self.hidden = True
            return
        stamp = _MISSING if packet.pts is None else packet.pts + self._shift
        self.reordered |= bool(self.shown) and stamp < self.shown[-1]
        self.shown.append(stamp)
        self.decoding.append(_MISSING if packet.dts is None else packet.dts + self._shift)
        self.durations.append(packet.duration or 0)

    def _follow(self, packet: Any) -> None:
        stamp = packet.dts + self._shift
        if self._expected is not None and not -_BACK <= (stamp - self._expected) / self.second <= _AHEAD:
            self.jumps = True
            self._shift += self._expected - stamp
        self._expected = packet.dts + self._shift + (packet.duration or 0)

    def stamps(self, fps: float) -> tuple[np.ndarray, bool]:
        """The time stamps, and whether they are those of the frames themselves and not only of as many."""
        for stamps, of_frames in ((self.shown, True), (self.decoding, False)):
            array = np.array(stamps, np.int64)
            if (array != _MISSING).all():
                return array, of_frames
        durations = np.array(self.durations, np.int64)
        if (durations > 0).all():  # streams without a container
            return np.cumsum(durations) - durations, False
        return np.rint(np.arange(len(self.shown)) * self.second / fps).astype(np.int64), False
