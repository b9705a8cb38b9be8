"""The motion field against diffusers' own, the noise that brings warped frames back to T1, smooth backgrounds."""

from __future__ import annotations

import numpy as np
import paddle
import pytest
from conftest import DATA

from ppt2v.pipelines.methods.background import smooth, subject_cells, without_subject
from ppt2v.pipelines.methods.motion import Field, ddpm_forward

WARPED = DATA / "text2video_reference" / "warped.npz"
FRAMES = [1, 2, 3, 4, 5, 6, 7]


def cells(height: int, width: int) -> paddle.Tensor:
    """``[1, 1, height, width]``: every cell holds its number."""
    return paddle.arange(height * width, dtype="float32").reshape([1, 1, height, width])


@pytest.mark.parametrize("case", np.load(WARPED).files)
def test_every_cell_looks_where_it_does_in_diffusers(case):
    size, x, y = case.split()
    height, width = map(int, size.split("x"))
    with np.load(WARPED) as stored:
        expected = stored[case]
    assert np.array_equal(Field(float(x), float(y)).warp(cells(height, width), FRAMES)[:, 0].numpy(), expected)


@pytest.mark.parametrize("frame_ids, x, y", [([0], 12, -30), ([3, 5], 0, 0)])
def test_without_displacement_nothing_moves(frame_ids, x, y):
    latents = cells(8, 12)
    assert all(np.array_equal(frame, latents[0].numpy()) for frame in Field(x, y).warp(latents, frame_ids).numpy())


@pytest.mark.parametrize("side", [8, 16, 64])
@pytest.mark.parametrize("x, y", [(128, 0), (0, 128), (-128, 256)])
def test_a_strength_is_a_share_of_the_picture(side, x, y):
    picture = cells(side, side)
    right, down = -x * side // 512, -y * side // 512
    moved, expected = (
        Field(x, y).warp(picture, [1])[0, 0].numpy(),
        np.roll(picture[0, 0].numpy(), (down, right), (0, 1)),
    )
    inside = slice(max(down, 0), side + min(down, 0)), slice(max(right, 0), side + min(right, 0))
    assert np.array_equal(moved[inside], expected[inside])


def test_frames_do_not_depend_on_which_others_are_warped():
    together = Field(7.3, -4.9).warp(cells(40, 72), FRAMES).numpy()
    assert np.array_equal(Field(7.3, -4.9).warp(cells(40, 72), [4]).numpy()[0], together[3])


def test_several_ddpm_steps_at_once_are_those_steps_one_by_one():
    alphas, mean, variance = [0.9, 0.8, 0.7], 2.0, 0.0
    for alpha in alphas:
        mean, variance = np.sqrt(alpha) * mean, alpha * variance + (1 - alpha)
    result = ddpm_forward(paddle.full([1], 2.0), paddle.full([1], 3.0), paddle.to_tensor(alphas, "float32"))
    assert result.item() == pytest.approx(mean + 3 * np.sqrt(variance), rel=1e-6)


def test_masks_grow_on_the_latents_grid():
    mask = np.zeros((64, 64), np.float32)
    mask[32:40, 32:40] = 0.9
    cells = subject_cells([mask], 8, 8)[0, 0].numpy()
    expected = np.zeros((8, 8))
    expected[2:7, 2:7] = 1
    assert np.array_equal(cells, expected)


def smoothed_followers(anchor, followers, subject, frame_ids: list[int], field: Field, kept: float) -> np.ndarray:
    anchor, followers, subject = map(paddle.to_tensor, (anchor, followers, subject))
    background = field.warp(without_subject(anchor, subject[:1]), frame_ids)
    return smooth(background, followers, subject, frame_ids, field, kept).numpy()


@pytest.mark.parametrize("kept", [0.0, 0.4, 1.0])
def test_only_the_background_is_smoothed(kept):
    generator = np.random.default_rng(0)
    anchor, followers = (generator.standard_normal((n, 4, 8, 8)).astype("float32") for n in (1, 2))
    subject = np.zeros((3, 1, 8, 8), np.float32)
    for frame in range(3):  # it moves by one cell of eight to the left per frame, as the field does
        subject[frame, :, 3:5, 5 - frame : 7 - frame] = 1
    smoothed = smoothed_followers(anchor, followers, subject, [1, 2], Field(64, 0), kept)
    for frame in (1, 2):
        covered = subject[frame, 0] == 1
        before, after = followers[frame - 1], smoothed[frame - 1]
        assert np.array_equal(after[:, covered], before[:, covered])
        looked_at = np.minimum(np.arange(8) + frame, 15 - np.arange(8) - frame)  # reflected at the border
        moved = (anchor[0] * (1 - subject[0]))[:, :, looked_at]
        hidden = subject[0, 0][:, looked_at] == 1
        expected = np.where(hidden | covered, before, kept * before + (1 - kept) * moved)
        coming_in = np.arange(8) + frame > 7
        kept_subject = ~(hidden & coming_in)  # what would mirror the subject is tried below
        assert np.allclose(after[:, kept_subject], expected[:, kept_subject], atol=1e-6)


@pytest.mark.parametrize(("column", "touches"), [(9, False), (11, True)])
def test_no_second_subject_comes_in_over_an_edge_that_the_first_does_not_touch(column, touches):
    generator = np.random.default_rng(0)
    anchor, followers = (generator.standard_normal((1, 4, 16, 16)).astype("float32") for _ in range(2))
    subject = np.zeros((2, 1, 16, 16), np.float32)
    subject[0, :, 4:9, column : column + 5] = subject[1, :, 4:9, column - 4 : column + 1] = 1
    field = Field(4 * 32, 0)
    smoothed = smoothed_followers(anchor, followers, subject, [1], field, 0.4)[0]
    moved = field.warp(paddle.to_tensor(subject[:1]), [1]).numpy()[0, 0] == 1
    mirrored = moved & (np.arange(16) >= 12)
    assert mirrored.sum() == 5 * (4 if touches else 2)
    if touches:  # and goes on beyond it
        assert np.array_equal(smoothed[:, mirrored], followers[0][:, mirrored])
        return
    for row, place in np.argwhere(mirrored):
        same = (anchor[0, :, row] == smoothed[:, row, place, None]).all(0)
        assert same.sum() == 1 and subject[0, 0, row, same.argmax()] == 0  # a cell of the row's background
