"""Several videos of one command, what is printed of them, and progress for programs and logs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ppt2v import MODES, video
from ppt2v.environment import versions
from ppt2v.progress import JsonLines, Lines, Progress


@pytest.fixture(autouse=True)
def written(monkeypatch, made) -> None:
    """Stands for the videos: their frames are as bright as their number."""
    read = video.read

    def read_back(path, **size):
        if Path(path).exists():
            return read(path, **size)
        return video.Clip(np.full((6, 32, 48, 3), len(made), np.uint8), 4.0)

    monkeypatch.setattr(video, "read", read_back)


def _seeds(made: list[dict]) -> list[int]:
    return [each["parameters"]["seed"] for each in made]


def test_each_seed_makes_a_video_and_all_a_contact_sheet(run, made):
    code, out, err = run("text2video", "a fox", "--seeds", "3,1,2", "--out", "fox.gif", "--frames", "6")
    assert (code, err) == (0, "")
    assert out.split() == [*["made.mp4"] * 3, "fox-3-sheet.png"]
    assert _seeds(made) == [3, 1, 2]
    assert [each["parameters"]["save_path"] for each in made] == ["fox-3.gif", "fox-1.gif", "fox-2.gif"]
    sheet = np.asarray(Image.open("fox-3-sheet.png"))
    assert sheet.shape == (3 * 36 + 4, 4 * 52 + 4, 3)  # a row of four frames for each, 4 pixels around each
    assert [sheet[4 + 36 * row + 16, -20, 0] for row in range(3)] == [1, 2, 3]


def test_n_counts_from_the_seed(run, made):
    assert run("text2video", "a fox", "-n", "3", "--seed", "7")[0] == 0
    assert _seeds(made) == [7, 8, 9]
    assert [each["parameters"]["save_path"] for each in made] == ["a-fox-7.mp4", "a-fox-8.mp4", "a-fox-9.mp4"]


def test_n_without_a_seed_draws_one(run, made):
    run("text2video", "a fox", "-n", "2")
    run("text2video", "a fox", "-n", "2")
    first, second, other, _ = _seeds(made)
    assert second == first + 1 and other != first


def test_no_file_is_replaced_that_was_not_named(run, made):
    Path("a-fox-1.mp4").touch()
    run("text2video", "a fox", "--seeds", "1")
    assert made[0]["parameters"]["save_path"] == "a-fox-1-2.mp4"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--seeds", "1,x"], "whole number"),
        (["--seeds", "1,1"], "different"),
        (["--seeds", ","], "different"),
        (["--seeds", "-1"], ">= 0"),
        (["--seeds", "1", "--seed", "2"], "leave out"),
        (["--seeds", "1", "-n", "2"], "leave out"),
        (["-n", "2", "--seed", str(2**63 - 1)], "<= 9223372036854775807"),
        (["-n", "2", "--out", "a.mp4", "--resume"], "one video"),
        (["--progress", "xml"], "one of auto, json"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_made(run, made, arguments, words):
    code, out, err = run("text2video", "a fox", *arguments)
    assert (code, out, made) == (2, "", []) and err.count("\n") == 1 and words in err


def test_programs_get_a_line_of_json_for_each_step_and_the_path(run, made):
    code, out, _ = run("text2video", "a fox", "--progress", "json")
    step, path = map(json.loads, out.splitlines())
    assert step == {"stage": "Denoising", "done": 1, "total": 2, "seconds": 0.0, "remaining": None}
    assert (code, path, made[0]["show_progress"]) == (0, {"path": "made.mp4"}, False)


def test_json_lines_tell_what_remains(capsys, monkeypatch):
    now = iter([0.0, 4.0])
    monkeypatch.setattr("ppt2v.progress.time.monotonic", lambda: next(now))
    tell = JsonLines()
    for done in (0, 1):
        tell(Progress("Denoising", done, 4))
    assert json.loads(capsys.readouterr().out.splitlines()[1])["remaining"] == 12.0


def test_logs_get_a_line_at_every_tenth_and_every_30_seconds(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("ppt2v.progress.time.monotonic", lambda: now[0])
    tell = Lines()
    tell(Progress("Denoising"))
    for done in range(1, 41):
        now[0] += 16 if done < 4 else 1
        tell(Progress("Denoising", done, 40))
    tell(Progress("Decoding", 1, 2))
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["Denoising: 5 % (2/40, 608 s left)", "Denoising: 10 % (4/40, 441 s left)"]
    assert [line.split()[1] for line in lines[:-1]] == ["5", *(str(tenth) for tenth in range(10, 101, 10))]
    assert lines[-1] == "Decoding: 50 % (1/2)"


# Recipes


RECIPE = {"mode": "text2video", "parameters": {"prompt": "a fox", "seed": 3, "lora": [], "watermark": None, "fps": 4.0}}


def _video(recipe: dict, name: str = "first.gif") -> None:
    machine = {"device": "cpu", "dtype": "float32", "engine": "eager", "versions": versions.installed()}
    video.write([np.zeros((16, 16, 3), np.uint8)] * 2, Path(name), 4, {**recipe, **machine})


def test_show_prints_what_the_recipe_says(run):
    _video(RECIPE)
    code, out, err = run("show", "first.gif")
    shown = [line.split() for line in out.splitlines()]
    assert (code, err) == (0, "")
    assert shown[:5] == [["mode", "text2video"], ["parameters"], ["prompt", "a", "fox"], ["seed", "3"], ["fps", "4.0"]]


def test_show_prints_the_recipe_as_json(run):
    _video(RECIPE)
    shown = json.loads(run("show", "first.gif", "--json")[1])
    assert shown == video.read_recipe("first.gif") and shown["parameters"] == RECIPE["parameters"]


def test_show_obeys_no_recipe(run):
    _video({"mode": "text2video", "parameters": {"prompt": "\x1b[31m[bold]red[/bold]"}})
    out = run("show", "first.gif")[1]
    assert "\x1b" not in out and '"\\u001b[31m[bold]red[/bold]"' in out


def test_show_of_no_video(run):
    Path("a.mp4").write_text("no video")
    code, out, err = run("show", "a.mp4")
    assert (code, out) == (2, "") and "holds no recipe" in err


def test_rerun_changes_what_is_given(run, made):
    _video(RECIPE)
    changes = "--seed", "2", "--prompt", "a cat", "--steps", "7", "--motion", "0", "0", "--no-motion-field"
    assert run("rerun", "first.gif", *changes, "--engine", "auto")[0] == 0
    parameters = made[0]["parameters"]
    assert (parameters["prompt"], parameters["seed"], parameters["fps"]) == ("a cat", 2, 4.0)
    assert (parameters["num_inference_steps"], parameters["use_motion_field"]) == (7, False)
    assert (made[0]["engine"], made[0]["dtype"]) == ("auto", "float32")


def test_rerun_makes_several(run, made):
    _video(RECIPE)
    code, out, _ = run("rerun", "first.gif", "-n", "2")
    assert (code, _seeds(made)) == (0, [3, 4])
    assert out.split() == [*["made.mp4"] * 2, "first-rerun-3-sheet.png"]
    assert [each["parameters"]["save_path"] for each in made] == ["first-rerun-3.gif", "first-rerun-4.gif"]


@pytest.mark.parametrize(("mode", "resolution"), [("text2video", "64"), ("canny", 64)])
def test_rerun_takes_a_size_as_the_mode_does(run, made, mode, resolution):
    clip = {"video_path": "clip.mp4"} if mode == "canny" else {}
    _video({"mode": mode, "parameters": {"prompt": "a fox", **clip}})
    assert run("rerun", "first.gif", "--resolution", "64", "--trust")[0] == 0
    assert made[0]["parameters"]["resolution"] == resolution


def test_rerun_refuses_what_the_mode_does_not_have(run, made):
    _video(RECIPE)
    code, out, err = run("rerun", "first.gif", "--low-threshold", "3")
    assert (code, out, made) == (2, "", []) and "low_threshold is no parameter of text2video" in err


def test_rerun_trusts_what_its_user_names(run, made):
    _video({"mode": "canny", "parameters": {"prompt": "a fox", "video_path": "/home/ann/clip.mp4"}})
    assert run("rerun", "first.gif", "--clip", "mine.mp4") == (0, "made.mp4\n", "")
    assert made[0]["parameters"]["video_path"] == "mine.mp4"


def test_rerun_can_change_every_parameter_but_outputs(run):
    helped = run("rerun", "--help")[1].split()
    for mode in MODES.values():
        for parameter in mode.parameters:
            if parameter.name != "checkpoint_dir" and parameter.decides != "values" and not parameter.positional:
                assert f"--{parameter.flag}" in helped
