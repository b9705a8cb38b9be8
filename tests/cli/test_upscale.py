"""``ppt2v upscale``: what the second pass is told, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ppt2v import video
from ppt2v.environment import versions

FRAMES = [np.zeros((32, 48, 3), np.uint8)] * 3


def write(mode: str, **parameters) -> None:
    """A video of three frames, 48x32, at 8 frames per second, with a recipe."""
    run = {"mode": mode, "parameters": {"prompt": "a fox", "seed": 3, **parameters}, "versions": versions.installed()}
    video.write(FRAMES, Path("low.png"), 8, {**run, "device": "cpu", "dtype": "float32", "engine": "eager"})


def test_the_second_pass_is_the_first_one_again_larger_and_from_its_video(run, made, tmp_path):
    own = {"num_inference_steps": 12, "guidance_scale": 6.0, "content_seed": 4}
    write("synthesize", video_length=3, resolution="48x32", watermark="me", interpolate=2, **own)
    assert run("upscale", "low.png") == (0, "made.mp4\n", "")
    assert made[0]["mode"] == "synthesize" and made[0]["device"] == "cpu"
    assert made[0]["parameters"] == {
        "prompt": "a fox",
        "seed": 3,
        **own,
        "init_video": str(tmp_path / "low.png"),
        "out_fps": -1.0,
        "fps": 8.0,
        "resolution": "96",
        "strength": 0.4,
        "save_path": "low-upscaled.mp4",
    }


def test_frames_stay_as_many_and_as_fast_with_their_sound_as_in_a_run_by_hand(run, modelscope_folder):
    tone = (8000 * np.sin(2 * np.pi * 440 * np.arange(24000) / 48000)).astype(np.int16)[:, None]
    frames = [np.full((8, 16, 3), 40 * number, np.uint8) for number in range(5)]
    told = {"prompt": "a fox", "model_name": str(modelscope_folder), "num_inference_steps": 3, "seed": 3}
    machine = {"device": "cpu", "dtype": "float32", "engine": "eager", "versions": versions.installed()}
    recipe = {"mode": "synthesize", "parameters": {**told, "fps": 10.0}, **machine}
    video.write(frames, Path("low.mp4"), 10, recipe, video.Sound(tone))
    assert run("upscale", "low.mp4", "--trust", "--times", "3", "--quiet")[:2] == (0, "low-upscaled.mp4\n")
    larger, recipe = video.part("low-upscaled.mp4"), video.read_recipe("low-upscaled.mp4")
    assert {**told, "strength": 0.4, "resolution": "48"}.items() <= recipe["parameters"].items()
    assert larger.fps == 10 and abs(pitch(larger.sound()) - 440) < 4 and len(larger.sound().samples) == 24000

    own = ["--init-video", "low.mp4", "--out-fps", "-1", "--strength", "0.4", "--resolution", "48"]
    first = ["--model", str(modelscope_folder), "--steps", "3", "--seed", "3", "--fps", "10", "--out", "by-hand.mp4"]
    quick = ["--device", "cpu", "--engine", "eager", "--dtype", "float32", "--quiet"]
    assert run("synthesize", "a fox", *own, *first, *quick)[0] == 0
    made = [each.read(multiple=1).frames for each in (larger, video.part("by-hand.mp4"))]
    assert made[0].shape == (5, 24, 48, 3) and np.array_equal(*made)


def pitch(sound: video.Sound) -> float:
    """The loudest frequency, in Hz."""
    heard = sound.samples[:, 0].astype(float)
    return float(np.fft.rfftfreq(len(heard), 1 / 48000)[np.abs(np.fft.rfft(heard)).argmax()])


def test_motion_modules_make_their_video_larger(run, tiny_folder, motion_folder):
    models = ["--model", str(tiny_folder), "--motion-module", str(motion_folder), "--resolution", "16"]
    quick = ["--steps", "2", "--device", "cpu", "--engine", "eager", "--quiet", "--frames", "3", "--out", "low.png"]
    assert run("animate", "a fox", *models, *quick)[0] == 0
    assert run("upscale", "low.png", "--trust", "--quiet", "--out", "high.png")[0] == 0
    assert video.read("high.png", multiple=1).frames.shape == (3, 32, 32, 3)


@pytest.mark.parametrize("ending, fps", [("gif", 8), ("gif", 30), ("mp4", 24000 / 1001)])
def test_each_frame_is_made_larger_once(run, made, ending, fps):
    recipe = {"mode": "synthesize", "parameters": {"prompt": "a fox"}, "versions": versions.installed()}
    frames = [np.full((32, 48, 3), 30 * number, np.uint8) for number in range(7)]
    low = video.part(video.write(frames, Path(f"low.{ending}"), fps, recipe))
    assert run("upscale", f"low.{ending}")[0] == 0
    told = made[0]["parameters"]
    again = video.part(told["init_video"], out_fps=told["out_fps"])
    assert again.count == 7 and again.fps == told["fps"] == low.fps
    assert np.array_equal(again.read(multiple=1).frames, low.read(multiple=1).frames)


def test_what_is_given_wins(run, made):
    write("synthesize")
    assert (
        run(
            "upscale",
            "low.png",
            "--times",
            "3",
            "--strength",
            "0.6",
            "--tile",
            "64",
            "--prompt",
            "a cat",
            "--out",
            "a.gif",
        )[0]
        == 0
    )
    told = {"resolution": "144", "strength": 0.6, "tile": 64, "prompt": "a cat", "save_path": "a.gif"}
    assert told.items() <= made[0]["parameters"].items()


def test_a_model_of_another_kind_takes_the_prompts_alone(run, made):
    write("text2video", n_prompt="a dog", use_cf_attn=True, num_inference_steps=50)
    assert run("upscale", "low.png", "--model", "embedded/video")[0] == 0
    kept = {"prompt": "a fox", "n_prompt": "a dog", "seed": 3, "model_name": "embedded/video"}
    assert made[0]["mode"] == "synthesize" and kept.items() <= made[0]["parameters"].items()
    assert not {"use_cf_attn", "num_inference_steps"} & made[0]["parameters"].keys()


def test_motion_modules_upscale_what_they_have_made(run, made):
    write("animate", model_name="embedded", motion_module="someone/modules")
    assert run("upscale", "low.png", "--trust")[0] == 0
    assert made[0]["mode"] == "animate" and made[0]["parameters"]["motion_module"] == "someone/modules"


def test_a_model_that_keeps_to_one_prompt_is_told_which_where_there_were_several(run, made):
    write("text2video", prompt_at="2: a cat")
    status, _, err = run("upscale", "low.png", "--model", "embedded/video")
    assert (status, made) == (2, []) and "E-UPSCALE-FILE-PROMPTS" in err and "--prompt" in err
    assert run("upscale", "low.png", "--model", "embedded/video", "--prompt", "a fox and a cat")[0] == 0
    assert made[0]["parameters"]["prompt"] == "a fox and a cat" and "prompt_at" not in made[0]["parameters"]


@pytest.mark.parametrize("interpolate, times, frame", [(1, 1, 3), (2, 1, 6), (1, 3, 9), (2, 3, 18)])
def test_prompts_take_over_where_they_do_in_the_video_whatever_was_put_in_between(run, made, interpolate, times, frame):
    told = {"motion_module": "someone/modules", "prompt_at": "3: a cat; at home", "interpolate": interpolate}
    write("animate", **told)
    if times > 1:
        assert run("interpolate", "low.png", "--times", str(times), "--out", "low.png.2.png")[0] == 0
    file = "low.png" if times == 1 else "low.png.2.png"
    assert run("upscale", file, "--trust")[0] == 0
    assert made[0]["parameters"]["prompt_at"] == f"{frame}: a cat; at home"
    assert "interpolate" not in made[0]["parameters"]


@pytest.mark.parametrize(
    "recipe, command",
    [
        ({"interpolate": 3, "clip": "/a/car.mp4"}, "ppt2v interpolate /a/car.mp4 --times 3"),
        ({"control": "canny", "clip": "/a/car.mp4", "parameters": {}}, "ppt2v control canny /a/car.mp4"),
    ],
)
def test_what_no_run_has_made_is_not_made_again_but_told(run, made, recipe, command):
    video.write(FRAMES, Path("low.png"), 8, recipe)
    status, _, err = run("rerun", "low.png")
    assert status == 2 and f"`{command}`" in err and "E-RERUN-COMMAND" in err and not made


@pytest.mark.parametrize(
    "mode, arguments, code",
    [
        ("text2video", [], "E-UPSCALE-MODEL"),
        ("synthesize", ["--times", "0.5"], "--times"),
        ("synthesize", ["--strength", "0"], "--strength"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(run, made, mode, arguments, code):
    write(mode)
    status, out, err = run("upscale", "low.png", *arguments)
    assert (status, out, made) == (2, "", []) and code in err and err.count("\n") == 1


def test_a_video_without_a_recipe_is_refused(run, made):
    video.write(FRAMES, Path("low.png"), 8, {})
    assert run("upscale", "low.png")[0] == 2 and not made


def test_a_recipe_of_a_stranger_downloads_nothing_untold(run, made):
    write("synthesize", model_name="someone/else")
    status, _, err = run("upscale", "low.png")
    assert status == 2 and "downloads someone/else" in err and not made
