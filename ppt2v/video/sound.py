"""The sound of a clip, cut with it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ppt2v.errors import Notice

from .decoding import decoded_packets
from .storage import on_disk

RATE = 48000  # samples per second; Opus has no other
_IN_ORDER = ("mpeg", "hls")  # formats in which a jump leads into the middle of a frame, or is impossible
_EARLIER = 1.0  # seconds that decoding begins before what is wanted
_GAP = 0.05  # seconds; time stamps that differ by less follow each other


class Sound(NamedTuple):
    """samples: int16 ``[N, channels]``, of one or two channels, ``RATE`` in a second."""

    samples: np.ndarray


def read_sound(path: Path, begin: float, seconds: float) -> Sound | None:
    """What is to be heard in a part of a video file: silence where there is nothing, None where it has no sound at all.

    Sound that cannot be decoded is left out, with a warning.

    Args:
        begin: in seconds of the file's own clock.

    Raises:
        InputError: no room on the disk.
    """
    import av

    with av.open(str(path)) as container:
        stream = container.streams.best("audio")
        if stream is None:
            return None
        channels = min(2, getattr(stream.codec_context, "channels", None) or 2)
        samples = on_disk((max(1, round(seconds * RATE)), channels), np.int16)
        try:
            for place, heard in _placed(container, stream, begin, channels):
                if place >= len(samples):
                    break
                heard = heard[max(0, -place) :][: len(samples) - max(0, place)]
                samples[max(0, place) : max(0, place) + len(heard)] = heard
        except (av.FFmpegError, AttributeError, ValueError) as error:
            notice = Notice(
                "N-SOUND-LEFT-OUT",
                "the sound of {path} is left out, it cannot be decoded: {reason}",
                path=path,
                reason=error,
            )
            warnings.warn(notice, stacklevel=2)
            return None
    return Sound(samples)


def _placed(container: Any, stream: Any, begin: float, channels: int) -> Iterator[tuple[int, np.ndarray]]:
    """Pieces of the sound, int16 ``[n, channels]``, each with the sample from ``begin`` on at which it belongs."""
    follows = None
    for frame in _resampled(container, stream, begin, channels):
        heard = frame.to_ndarray().reshape(-1, channels)
        place = follows if frame.pts is None else round((float(frame.pts * frame.time_base) - begin) * RATE)
        if follows is not None and place is not None and abs(place - follows) < _GAP * RATE:
            place = follows
        yield place or 0, heard
        follows = (place or 0) + len(heard)


def _resampled(container: Any, stream: Any, begin: float, channels: int) -> Iterator[Any]:
    import av

    if begin > _EARLIER and container.format.name not in _IN_ORDER:
        container.seek(int((begin - _EARLIER) / stream.time_base), stream=stream)
    resampler = av.AudioResampler(format="s16", layout="mono" if channels == 1 else "stereo", rate=RATE)
    for frame in decoded_packets(container, stream, container.demux(stream)):
        yield from resampler.resample(frame)
    yield from resampler.resample(None)
