"""A camera's way: what is written, what it sees, and that moved latents are what the networks were trained on."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from ppt2v.errors import InputError
from ppt2v.pipelines.methods.motion import Level
from ppt2v.pipelines.methods.viewed import Viewed
from ppt2v.pipelines.planning.camera import Circle, View, parse


def drawn(shape: list[int], seed: int = 0) -> paddle.Tensor:
    return paddle.to_tensor(np.random.default_rng(seed).standard_normal([1, *shape], np.float32))


def viewed(text: str) -> Viewed:
    return Viewed(parse(text).matrix, drawn)


def noise_seen(text: str, height: int, width: int) -> np.ndarray:
    return viewed(text).moved(drawn([4, height, width], 1), None, Level(0.0, 1.0), [8])[0].numpy()


def test_between_keyframes_the_way_goes_on_evenly():
    camera = parse("0: pan 0 0 zoom 1; 8: pan 24 -12 zoom 4 rotate 10; 10: rotate 0")
    assert [camera.view(frame) for frame in (0, 4, 8, 9, 10, 99)] == [
        View(0, 0, 1, 0),
        View(12, -6, 2, 5),
        View(24, -12, 4, 10),
        View(24, -12, 4, 5),
        View(24, -12, 4, 0),
        View(24, -12, 4, 0),
    ]


@pytest.mark.parametrize(
    ("easing", "at_quarter"), [("", 2), ("linear", 2), ("ease", 1.25), ("ease-in", 0.5), ("easing ease-out", 3.5)]
)
def test_the_easing_says_how_fast_the_way_begins_and_ends(easing, at_quarter):
    camera = parse(f"2: pan 0 0; 6: pan 8 0 {easing}")
    assert [camera.view(frame).x for frame in (0, 2, 3, 6)] == [0, 0, at_quarter, 8]


def test_there_and_back_returns_again_and_again():
    camera = parse("0: pan 0 0; 3: pan 6 0; there-and-back")
    assert [camera.view(frame).x for frame in range(9)] == [0, 2, 4, 6, 4, 2, 0, 2, 4]


def test_a_closed_way_leads_back_to_where_it_began():
    camera = parse("1: pan 4 0; 5: pan 20 0 zoom 4 ease").closed(9)
    assert [camera.view(frame).x for frame in (0, 1, 5, 6, 9)] == [4, 4, 20, 16, 4]


def test_a_circle_closes_in_steps_of_the_same_length():
    ways = [Circle(3, 4, 12).view(frame)[:2] for frame in range(14)]
    steps = np.hypot(*np.diff(ways, axis=0).T)
    np.testing.assert_allclose(steps, steps[0])
    np.testing.assert_allclose(ways[12], ways[0], atol=1e-9)
    assert 4.9 < steps[0] < 5 and np.dot(np.subtract(ways[1], ways[0]), (3, 4)) > 0.95 * 5 * steps[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pan 3 0", "FRAME: WHAT"),
        ("4: pan 3 0; 4: pan 2 0", "frame 4 stands behind frame 4"),
        ("4: pan 3 0; 2: pan 2 0", "frame 2 stands behind frame 4"),
        ("0: pan 3", "'pan 3' (frame 0) is not understood"),
        ("0: zoom 1; 3: zoom 1 spin 4", "'spin 4' (frame 3)"),
        ("0: zoom 0", "the rule is 0.25 to 4"),
        (f"0: pan {'9' * 400} 0", "at most 5120 for pan"),
        ("0: rotate -3601", "3600 for rotate"),
        (f"{'9' * 5000}: zoom 1", "is not of the form"),
        ("there-and-back", "FRAME: WHAT"),
        ("0: zoom 1; 8: zoom 2", "frame 8 lies beyond the last one, 7"),
        ("0: zoom 1; 4: pan 512 0", "in frame 4 nothing of the first frame is in view"),
        ("0: zoom 1; 4: pan 0 -350 zoom 3", "in frame 4"),
        ("0: zoom 1; 4: pan 450 450 rotate 45", "in frame 4"),
    ],
)
def test_a_way_that_is_none_is_refused(text, said):
    with pytest.raises(InputError) as refused:
        parse(text).check(8)
    assert said in str(refused.value)


@pytest.mark.parametrize("text", ["4: pan 511 0", "4: pan 0 -340 zoom 3", "4: pan 700 0 zoom 0.5", "4: rotate 720"])
def test_a_way_that_leaves_something_in_view_is_taken(text):
    parse(f"0: zoom 1; {text}").check(8)


@pytest.mark.parametrize(("height", "width"), [(8, 16), (24, 12)])
def test_a_pan_of_whole_cells_moves_picture_and_noise_by_just_these(height, width):
    clean, latents = drawn([2, height, width], 1), drawn([2, height, width], 2)
    right, down = 512 * 2 / width, 512 * 3 / height
    moved = viewed(f"0: pan 0 0; 8: pan {right} {-down}").moved(latents, clean, Level(0.6, 0.8), [0, 8]).numpy()
    np.testing.assert_allclose(moved[0], latents[0], atol=2e-5)
    np.testing.assert_allclose(moved[1, :, 3:, :-2], latents[0, :, :-3, 2:], atol=2e-5)


def test_between_two_cells_a_picture_is_their_mean():
    picture = drawn([1, 4, 16])
    moved = viewed("0: pan 0 0; 1: pan 16 0").warp(picture, [1]).numpy()
    np.testing.assert_allclose(moved[..., :-1], (picture[..., :-1] + picture[..., 1:]).numpy() / 2, atol=1e-5)


def test_zoom_and_rotation_are_right_where_the_picture_is_not_square():
    picture = np.zeros((1, 1, 10, 20), np.float32)
    picture[0, 0, 4, 12] = picture[0, 0, 5, 12] = 1  # a line to the right of the middle
    turned = viewed("0: rotate 0; 1: rotate 90").warp(paddle.to_tensor(picture), [1]).numpy()[0, 0]
    assert np.argwhere(turned[:, 5:15] > 0.4).tolist() == [[2, 4], [2, 5]]  # things turn the other way: it is above
    larger = viewed("0: zoom 1; 1: zoom 2").warp(paddle.to_tensor(picture), [1]).numpy()[0, 0]
    rows, columns = np.argwhere(larger > 0.4).T
    assert (rows.min(), rows.max(), columns.mean()) == (3, 6, 14.5)


@pytest.mark.parametrize("way", ["pan 4.4 4.4", "zoom 1.37", "zoom 0.6", "rotate 17", "pan -3 2 zoom 2.1 rotate -40"])
def test_noise_that_moves_stays_white(way):
    noise = noise_seen(f"0: zoom 1; 8: {way}", 48, 64).astype(np.float64)
    assert noise.std() == pytest.approx(1, abs=0.03)
    beside, below = (noise[:, :, 1:] * noise[:, :, :-1]).mean(), (noise[:, 1:] * noise[:, :-1]).mean()
    assert max(abs(beside), abs(below)) < 0.15  # 0.5 and more where it is interpolated


def test_a_frame_does_not_depend_on_which_others_are_moved():
    latents, clean, path = drawn([4, 8, 8], 1), drawn([4, 8, 8], 2), viewed("0: zoom 1; 8: pan 9 4 zoom 1.3 rotate 5")
    together = path.moved(latents, clean, Level(0.6, 0.8), [1, 2, 3]).numpy()
    assert np.array_equal(path.moved(latents, clean, Level(0.6, 0.8), [2]).numpy()[0], together[1])
