"""Interlaced frames made whole: the two fields of a frame were taken one after the other, and combs show where
something moves."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any


def deinterlaced(frames: Iterable[Any]) -> Iterator[Any]:
    """The same frames (``av.VideoFrame``), as many, from the first interlaced one on through FFmpeg's bwdif."""
    frames = iter(frames)
    for frame in frames:
        if frame.interlaced_frame:
            yield from _filtered(chain([frame], frames), _graph(frame))
        else:
            yield frame


def _filtered(frames: Iterable[Any], graph: Any) -> Iterator[Any]:
    stamps: deque[int | None] = deque()
    for frame in chain(frames, [None]):
        if frame is not None:
            stamps.append(frame.pts)
        graph.push(frame)
        yield from _ready(graph, stamps)


def _graph(frame: Any) -> Any:
    import av

    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format.name, time_base=frame.time_base
    )
    graph.link_nodes(source, graph.add("bwdif", "mode=send_frame:deint=interlaced"), graph.add("buffersink"))
    graph.configure()
    return graph


def _ready(graph: Any, stamps: deque) -> Iterator[Any]:
    import av

    while True:
        try:
            frame = graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return
        frame.pts = stamps.popleft()  # the filter counts in halves
        yield frame
