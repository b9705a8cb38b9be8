"""Which frames are computed together: integers only."""

from __future__ import annotations

from ppt2v.errors import InputError

from .anchors import Anchors

_CALL = 0.1  # what a call of the networks is taken to cost beside its frames, as a part of one


def followers(video_length: int, chunk_size: int, anchors: Anchors = Anchors()) -> list[list[int]]:
    """Splits the frames after the anchor (frame 0) into chunks; those of a bank come first, each by itself.

    As in the published code a chunk counts the anchor that its frames attend to: ``chunk_size`` 8 computes 7 frames at
    a time. It changes the memory that is needed and nothing else.

    Raises:
        InputError: ``chunk_size`` is below 2.
    """
    if chunk_size < 2:
        raise InputError(
            "E-CHUNK-SIZE",
            "chunk_size={chunk_size}: the rule is chunk_size >= 2, since a chunk holds the first frame and others",
            chunk_size=chunk_size,
        )
    size, bank = chunk_size - 1, anchors.bank(video_length)[1:]
    others = [frame for frame in range(1, video_length) if not anchors.in_bank(frame)]
    return [[frame] for frame in bank] + [others[first : first + size] for first in range(0, len(others), size)]


def chunk_size_for(video_length: int, chunk_size: int, workers: int) -> int:
    """The ``chunk_size``, up to the one given, with which so many workers are done with a step first."""
    return min(range(chunk_size, 1, -1), key=lambda size: busiest(video_length, size, workers))


def busiest(video_length: int, chunk_size: int, workers: int) -> float:
    """The work of the worker that has most of it at a step, in frames, where who is done first takes the next chunk.

    One of them computes the anchor beside its chunks.
    """
    loads = [0.0] * workers
    for frames in (1, *map(len, followers(video_length, chunk_size))):
        loads[loads.index(min(loads))] += frames + _CALL
    return max(loads)
