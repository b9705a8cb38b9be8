"""Decoding in tiles."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from ppt2v.pipelines.networks.tiles import in_tiles


def enlarge(latent: paddle.Tensor) -> paddle.Tensor:
    """Stands for a decoder that looks at one cell only."""
    return paddle.nn.functional.interpolate(latent[:, :3], scale_factor=2, mode="nearest")


@pytest.mark.parametrize(("height", "width"), [(16, 16), (9, 20), (5, 3), (8, 8)])
@pytest.mark.parametrize("side", [8, 5])
def test_tiles_join_to_the_whole(height, width, side):
    latent = paddle.to_tensor(np.random.default_rng(0).standard_normal((1, 4, height, width)).astype("float32"))
    assert np.allclose(in_tiles(enlarge, latent, side).numpy(), enlarge(latent).numpy(), atol=1e-6)


def test_rows_of_several_frames_and_branches_join_likewise():
    latents = paddle.to_tensor(np.random.default_rng(0).standard_normal((3, 4, 6, 9)).astype("float32"))
    joined = in_tiles(lambda part: paddle.concat([part, -part]), latents, 4).numpy()
    assert np.allclose(joined, np.concatenate([latents, -latents]), atol=1e-6)


def test_tiles_have_one_size_and_fade_into_each_other():
    sizes, numbers = [], []

    def number(tile: paddle.Tensor) -> paddle.Tensor:
        sizes.append(tuple(tile.shape))
        numbers.append(len(numbers))
        return paddle.full([1, 3, 8, 8], float(numbers[-1]))

    picture = in_tiles(number, paddle.zeros([1, 4, 4, 10]), 4).numpy()[0, 0]
    assert set(sizes) == {(1, 4, 4, 4)} and numbers == [0, 1, 2]
    steps = np.diff(picture[0])
    assert picture.shape == (8, 20) and (steps >= 0).all() and steps.max() < 1
