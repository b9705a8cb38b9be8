"""Which frames are computed together: integers only."""

from __future__ import annotations

from ppt2v.errors import InputError


def followers(video_length: int, chunk_size: int) -> list[list[int]]:
    """Splits the frames after the anchor (frame 0) into chunks.

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
    size = chunk_size - 1
    return [list(range(first, min(first + size, video_length))) for first in range(1, video_length, size)]
