"""Frames between frames, and ``ppt2v interpolate``: the given ones stay, those between lie on the way."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from ppt2v import video
from ppt2v.cli.app import app
from ppt2v.pipelines.methods.interpolation import interpolated

SIDE = 64


def moving(count: int, step: int = 4, seed: int = 0) -> np.ndarray:
    """A texture that moves to the left, uint8 RGB ``[count, SIDE, SIDE, 3]``."""
    noise = np.random.default_rng(seed).standard_normal((SIDE, 2 * SIDE, 3)).astype(np.float32)
    whole = (128 + 400 * cv2.GaussianBlur(noise, (0, 0), 3)).clip(0, 255).astype(np.uint8)
    return np.stack([whole[:, step * frame : step * frame + SIDE] for frame in range(count)])


def made(frames: np.ndarray, times: int) -> np.ndarray:
    return np.stack(list(interpolated(iter(frames), times)))


@pytest.fixture
def pictures(tmp_path):
    """A folder of pictures, which keep every pixel, at 8 frames per second."""
    return video.write(moving(5), tmp_path / "given.png", 8, {"mode": "text2video", "parameters": {"seed": 3}})


def run(*arguments) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["interpolate", *map(str, arguments)])
    return result.exit_code, " ".join(result.output.split())


@pytest.mark.parametrize("times", [1, 2, 3])
def test_the_given_frames_stay_and_others_come_between(times):
    frames = moving(4)
    smooth = made(frames, times)
    assert len(smooth) == 3 * times + 1
    assert np.array_equal(smooth[::times], frames)


def test_frames_between_are_nearer_to_the_truth_than_a_mixture():
    truth = moving(9, step=3)
    smooth, mixed = made(truth[::2], 2), (truth[:-2:2].astype(float) + truth[2::2]) / 2
    inner = slice(8, -8)  # what comes in at the edge nobody can know
    errors = [np.abs(each.astype(float) - truth[1::2])[:, :, inner].mean() for each in (smooth[1::2], mixed)]
    assert errors[0] < 0.25 * errors[1]


def test_between_two_scenes_the_nearer_frame_is_repeated():
    scenes = np.stack([moving(1)[0], moving(1, seed=7)[0]])
    smooth = made(scenes, 4)
    assert [int(np.abs(frame.astype(int) - scenes[1]).max() == 0) for frame in smooth] == [0, 0, 1, 1, 1]


def test_frames_that_do_not_move_stay_as_they_are():
    still = np.repeat(moving(1), 2, axis=0)
    assert np.abs(made(still, 3).astype(int) - still[0]).max() <= 1


def test_the_command_writes_a_smoother_video(pictures, tmp_path):
    code, out = run(pictures, "--times", 3, "--out", tmp_path / "smooth.png")
    smooth = video.read(tmp_path / "smooth.png", multiple=1)
    assert code == 0 and out.endswith("smooth.png")
    assert smooth.fps == 24 and np.array_equal(smooth.frames[::3], moving(5))
    recipe = json.loads((tmp_path / "smooth.png" / "recipe.json").read_text())
    assert recipe["interpolate"] == 3 and recipe["recipe"]["parameters"] == {"seed": 3}


def test_a_rate_may_be_asked_for_instead(pictures, tmp_path):
    assert run(pictures, "--fps", 16, "--out", tmp_path / "smooth.png")[0] == 0
    assert video.part(tmp_path / "smooth.png").fps == 16


@pytest.mark.parametrize(
    "given, message",
    [
        (["--fps", 20], "the video has 8 frames per second, which stay as they are; give 2 to 16 times as many"),
        (["--fps", 8], "such as 16, 24"),
        (["--fps", 16, "--times", 2], "give one of the two"),
        (["--times", 1], "--times"),
        (["--out", "smooth.gif", "--times", 8], "a gif plays 0.01 to 50"),
    ],
)
def test_other_numbers_are_refused_in_one_line(pictures, tmp_path, monkeypatch, given, message):
    monkeypatch.chdir(tmp_path)
    code, out = run(pictures, *given)
    assert code == 2 and message in out
    assert [path.name for path in tmp_path.iterdir()] == ["given.png"]
