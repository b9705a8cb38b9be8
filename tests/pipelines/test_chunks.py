from __future__ import annotations

import pytest

from ppt2v.errors import InputError
from ppt2v.pipelines.planning.chunks import followers


@pytest.mark.parametrize(
    "video_length, chunk_size, expected",
    [
        (8, 8, [[1, 2, 3, 4, 5, 6, 7]]),
        (8, 4, [[1, 2, 3], [4, 5, 6], [7]]),
        (4, 2, [[1], [2], [3]]),
        (3, 100, [[1, 2]]),
        (1, 8, []),
    ],
)
def test_chunks_hold_the_followers_in_order(video_length, chunk_size, expected):
    assert followers(video_length, chunk_size) == expected


@pytest.mark.parametrize("chunk_size", [2, 3, 7, 30])
@pytest.mark.parametrize("video_length", [2, 7, 8, 24])
def test_every_frame_is_in_one_chunk_that_is_small_enough(video_length, chunk_size):
    chunks = followers(video_length, chunk_size)
    assert [frame for chunk in chunks for frame in chunk] == list(range(1, video_length))
    assert all(0 < len(chunk) < chunk_size for chunk in chunks)


@pytest.mark.parametrize("chunk_size", [1, 0, -8])
def test_a_chunk_must_hold_two_frames(chunk_size):
    with pytest.raises(InputError, match=f"chunk_size={chunk_size}: .*chunk_size >= 2"):
        followers(8, chunk_size)
