"""Frames held together along a clip's motion: what is gained, and what must not be lost."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ppt2v.pipelines.methods.flow import ClipFlow, flow
from ppt2v.pipelines.methods.steadiness import REACH, sharpened, steadied
from ppt2v.quality import metrics

STEP, SIDE = 2, 64


def texture(seed: int) -> np.ndarray:
    """uint8 RGB ``[2 * SIDE, 2 * SIDE, 3]`` with edges of all directions."""
    noise = np.random.default_rng(seed).standard_normal((2 * SIDE, 2 * SIDE, 3)).astype(np.float32)
    return (128 + 400 * cv2.GaussianBlur(noise, (0, 0), 3)).clip(0, 255).astype(np.uint8)


def moving(count: int, seed: int = 0) -> np.ndarray:
    """A texture that moves to the left, ``STEP`` pixels a frame."""
    whole = texture(seed)
    return np.stack([whole[:SIDE, STEP * frame : STEP * frame + SIDE] for frame in range(count)])


def flickering(clip: np.ndarray) -> np.ndarray:
    """The clip with another brightness and other grain in each frame."""
    rng = np.random.default_rng(1)
    light, grain = rng.normal(0, 8, (len(clip), 1, 1, 1)), rng.normal(0, 6, clip.shape)
    return (clip + light + grain).clip(0, 255).astype(np.uint8)


def held(frames: np.ndarray, clip: np.ndarray, strength: float = 1.0, skeletons: bool = False) -> np.ndarray:
    return np.stack(list(steadied(iter(frames), clip, strength, skeletons)))


@pytest.fixture(scope="module")
def clip() -> np.ndarray:
    return moving(12)


def test_pixels_are_followed_forth_and_back(clip):
    flows, middle = ClipFlow(clip), (slice(24, 40), slice(24, 40))
    for end, way in ((8, -1), (2, 1)):
        for frame, where, seen in flows.followed(5, end):
            moved = where[middle][..., 0] - np.mgrid[middle][1]
            assert np.abs(moved - way * STEP * abs(frame - 5)).max() < 0.3
            assert seen[middle].min() > 0.9


def test_flicker_goes_while_motion_and_sharpness_stay(clip):
    frames = flickering(clip)
    made = held(frames, clip)
    before, after = metrics.changes(frames), metrics.changes(made)
    assert after.warp_error.mean() < 0.5 * before.warp_error.mean()
    assert abs(after.motion.mean() / metrics.changes(clip).motion.mean() - 1) < 0.1
    assert metrics.sharpness(made) > 0.9 * metrics.sharpness(frames)


def test_more_strength_means_less_flicker_and_none_changes_nothing(clip):
    frames = flickering(clip)
    errors = [metrics.changes(held(frames, clip, strength)).warp_error.mean() for strength in (0, 0.2, 1)]
    assert errors[0] > errors[1] > errors[2]
    assert np.array_equal(held(frames, clip, 0), frames)


def test_the_body_around_the_lines_of_a_skeleton_is_held_together_too():
    bodies, lines = np.full((12, SIDE, SIDE, 3), 128, np.uint8), np.zeros((12, SIDE, SIDE, 3), np.uint8)
    skin = texture(5)[:32, :24]
    for frame, (body, line) in enumerate(zip(bodies, lines)):
        left = 8 + STEP * frame
        body[16:48, left : left + 24], line[20:44, left + 11 : left + 13] = skin, (255, 0, 0)
    frames = flickering(bodies)
    once, twice = (metrics.changes(held(frames, lines, skeletons=each)) for each in (False, True))
    assert twice.warp_error.mean() < 0.8 * once.warp_error.mean()
    assert twice.motion.mean() >= once.motion.mean()
    assert np.array_equal(held(frames, lines, 0, skeletons=True), frames)


@pytest.mark.parametrize("skeletons", [False, True])
def test_two_scenes_do_not_mix(skeletons):
    halves = [moving(6, seed) for seed in (0, 7)]
    clip = np.concatenate(halves)
    dark = np.concatenate([halves[0] // 4, 255 - halves[1] // 4])
    made = held(dark, clip, skeletons=skeletons)
    assert made[:6].mean() < 50 and made[6:].mean() > 205
    assert np.abs(made.astype(int) - dark).mean() < 3


@pytest.mark.parametrize("skeletons", [False, True])
def test_few_frames_are_in_memory_at_a_time(skeletons):
    clip = moving(20)

    taken = []

    def frames():
        for number, frame in enumerate(clip):
            taken.append(number)
            yield frame

    steady = steadied(frames(), clip, 1.0, skeletons)
    for number in range(len(clip)):
        next(steady)
        assert len(taken) <= number + (1 + skeletons) * REACH + 1


@pytest.mark.parametrize("count", [1, 2])
def test_short_clips_are_held_too(count):
    assert held(moving(count), moving(count)).shape == (count, SIDE, SIDE, 3)


def test_a_blurred_picture_is_as_sharp_as_the_other_one_again():
    sharp = texture(3).astype(np.float32)
    blurred = cv2.GaussianBlur(sharp, (0, 0), 1)
    assert metrics.sharpness(sharpened(blurred, sharp)[None]) == pytest.approx(metrics.sharpness(sharp[None]), rel=0.02)
    assert np.array_equal(sharpened(sharp, blurred), sharp)


@pytest.mark.parametrize("size", [(8, 64), (12, 300), (8, 8), (8, 512), (1, 1), (40, 3)])
def test_the_flow_of_tiny_frames_has_their_size(size):
    frames = np.random.default_rng(0).integers(0, 256, (2, *size, 3), np.uint8)
    found = flow(*frames)
    assert found.shape == (*size, 2) and found.dtype == np.float32 and np.isfinite(found).all()
