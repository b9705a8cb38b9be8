"""Small clips whose frames tell their own number, as cameras, recorders and editors write them."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

HEIGHT, WIDTH, FPS = 64, 128, 10
_NO_LOG = {"libx265": {"x265-params": "log-level=none"}}


def picture(number: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """Six blocks, black or white on grey, that spell a number below 64."""
    frame = np.full((height, width, 3), 90, np.uint8)
    for bit in range(6):
        frame[height // 4 : height * 3 // 4, width * (1 + bit) // 8 : width * (2 + bit) // 8] = 255 * (
            number >> bit & 1
        )
    return frame


def number(frame: np.ndarray) -> int:
    height, width = frame.shape[:2]
    middles = [frame[height // 2, width * (3 + 2 * bit) // 16].mean() for bit in range(6)]
    return sum(int(middle > 128) << bit for bit, middle in enumerate(middles))


def numbers(frames: Iterable[np.ndarray]) -> list[int]:
    return [number(frame) for frame in frames]


def write(
    path: Path,
    frames: Iterable[np.ndarray | Any],
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    pixels: str = "yuv420p",
    times: list[float] | None = None,
    rate: int = FPS,
    prepare: Any = None,
    edit: Any = None,
) -> Path:
    """A video file by PyAV.

    Args:
        frames: uint8 RGB arrays, or frames of PyAV's.
        times: seconds at which they are shown; None: one after the other.
        prepare: called with the stream before the first frame.
        edit: called with each packet before it is written.
    """
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, options={**_NO_LOG.get(codec, {}), **(options or {})})
        stream.pix_fmt = pixels
        for index, frame in enumerate(frames):
            if not isinstance(frame, av.VideoFrame):
                frame = av.VideoFrame.from_ndarray(frame, format="rgb24")
            if index == 0:
                stream.height, stream.width = frame.height, frame.width
                if prepare is not None:
                    prepare(stream)
            frame.time_base = Fraction(1, 1000)
            frame.pts = round(1000 * (times[index] if times else index / rate))
            _mux(container, stream.encode(frame), edit)
        _mux(container, stream.encode(), edit)
    return path


def _mux(container: Any, packets: list[Any], edit: Any) -> None:
    for packet in packets:
        if edit is not None:
            edit(packet)
        container.mux(packet)


def trim(path: Path, start: float, seconds: float) -> Path:
    """An edit list that shows only [start, start + seconds), as phones and cutters that do not encode write it."""
    data = bytearray(path.read_bytes())
    edit, movie, media = data.index(b"elst"), data.index(b"mvhd"), data.index(b"mdhd")
    (movie_scale,) = struct.unpack_from(">I", data, movie + 16)
    (media_scale,) = struct.unpack_from(">I", data, media + 16)
    _, begin = struct.unpack_from(">Ii", data, edit + 12)
    struct.pack_into(">Ii", data, edit + 12, round(seconds * movie_scale), begin + round(start * media_scale))
    path.write_bytes(data)
    return path


def turn(path: Path, a: int, b: int, c: int, d: int) -> Path:
    """A display matrix in the header of an mp4: the stored point (p, q) is shown at (a p + c q, b p + d q)."""
    data = bytearray(path.read_bytes())
    one = 1 << 16
    struct.pack_into(">9i", data, data.index(b"tkhd") + 44, a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


def decoded(path: Path) -> list[np.ndarray]:
    """What PyAV decodes one after the other."""
    import av

    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
