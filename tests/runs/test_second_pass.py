"""Videos made in two passes, the second of which makes them larger."""

from __future__ import annotations

import numpy as np
import pytest

from ppt2v import InputError, Model, video
from ppt2v.errors import Cancelled
from ppt2v.runs.inputs import Inputs
from ppt2v.runs.second_pass import Decoded, draft_of

QUICK = {"num_inference_steps": 3, "video_length": 3, "seed": 1}


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(device="cpu", engine="eager", show_progress=False)


def frames(path) -> np.ndarray:
    return video.read(path, multiple=1).frames


def test_the_second_pass_is_that_of_upscale_and_both_are_repeated_by_one_recipe(
    model, modelscope_folder, tmp_path, run
):
    told = {"prompt": "a fox", "model_name": modelscope_folder, "resolution": "24x16", **QUICK}
    at_once = model.run("synthesize", save_path=tmp_path / "once.png", upscale=2, **told)
    assert frames(at_once).shape == (3, 32, 48, 3) and video.part(at_once).fps == 8
    model.run("synthesize", save_path=tmp_path / "low.png", **told)
    quick = ["--device", "cpu", "--engine", "eager", "--quiet", "--trust"]
    assert run("upscale", str(tmp_path / "low.png"), "--out", "by-hand.png", *quick)[0] == 0
    assert np.array_equal(frames(at_once), frames("by-hand.png"))
    parameters = video.read_recipe(at_once)["parameters"]
    assert (parameters["upscale"], parameters["resolution"], parameters["init_video"]) == (2, "24x16", None)
    again = model.run("synthesize", **{**parameters, "save_path": str(tmp_path / "again.png")})
    assert np.array_equal(frames(at_once), frames(again))


def test_the_second_model_may_be_another_and_frames_are_put_in_between_once(
    model, modelscope_folder, video_fusion_folder, tmp_path
):
    made = {
        name: model.run(
            "synthesize",
            prompt="a fox",
            model_name=modelscope_folder,
            resolution=16,
            upscale=2,
            interpolate=2,
            save_path=tmp_path / f"{name}.png",
            **own,
            **QUICK,
        )
        for name, own in {"same": {}, "other": {"upscale_model": video_fusion_folder, "upscale_strength": 1.0}}.items()
    }
    assert all(frames(path).shape == (5, 32, 32, 3) for path in made.values())
    assert (frames(made["same"]) != frames(made["other"])).any()
    assert video.part(made["other"]).fps == 16
    assert video_fusion_folder.name in video.read_recipe(made["other"])["files"]


@pytest.mark.slow
def test_a_run_that_ends_in_its_second_pass_goes_on_there(model, modelscope_folder, tmp_path):
    told = {"prompt": "a fox", "model_name": modelscope_folder, "resolution": 16, "upscale": 2, **QUICK}
    told["upscale_strength"] = 1.0
    straight = model.run("synthesize", save_path=tmp_path / "straight.png", **told)
    steps: list[tuple[str, int]] = []

    def stop(progress) -> None:
        steps.append((progress.stage, progress.done))
        if len([1 for stage, done in steps if stage.startswith("Denoising") and done == 6]) == 2:
            raise Cancelled

    again = {**told, "seed": None, "checkpoint_dir": tmp_path / "state", "save_path": tmp_path / "again.png"}
    with pytest.raises(Cancelled):
        model.run("synthesize", callback=stop, **{**again, "seed": 1})
    steps.clear()
    assert np.array_equal(frames(straight), frames(model.run("synthesize", callback=lambda each: None, **again)))
    assert not (tmp_path / "state").exists()


def test_a_clip_that_is_made_anew_is_made_larger_too(model, tiny_folder, motion_folder, tmp_path):
    clip = video.write([np.full((16, 16, 3), 60 * each, np.uint8) for each in range(3)], tmp_path / "clip.png", 5, {})
    told = {"init_video": clip, "out_fps": -1.0, "resolution": 16, "upscale": 2, "num_inference_steps": 2, "seed": 1}
    path = model.process_animate("a fox", tiny_folder, motion_folder, save_path=tmp_path / "a.png", **told)
    assert frames(path).shape == (3, 32, 32, 3) and video.part(path).fps == 5


def test_a_mode_whose_models_start_from_no_video_is_made_larger_by_one_that_does(
    model, tiny_folder, modelscope_folder, tmp_path
):
    told = {"prompt": "a fox", "model_name": tiny_folder, "resolution": 16, "fps": 5, "n_prompt": "rain", **QUICK}
    larger = {"upscale": 2, "upscale_model": modelscope_folder, "upscale_tile": 16, "checkpoint_dir": tmp_path}
    larger["use_motion_field"] = False
    made = model.run("text2video", save_path=tmp_path / "large.png", **told, **larger)
    assert frames(made).shape == (3, 32, 32, 3) and video.part(made).fps == 5
    recipe = video.read_recipe(made)
    assert recipe["mode"] == "text2video" and modelscope_folder.name in recipe["files"]
    small = model.run("text2video", save_path=tmp_path / "small.png", use_motion_field=False, **told)
    by_hand = {"model_name": modelscope_folder, "init_video": small, "out_fps": -1.0, "resolution": 32, "strength": 0.4}
    by_hand["tile"] = 16
    second = model.run(
        "synthesize", prompt="a fox", n_prompt="rain", seed=1, save_path=tmp_path / "second.png", **by_hand
    )
    assert np.array_equal(frames(made), frames(second))


def test_what_is_held_together_is_so_before_it_is_made_larger():
    flicker = np.random.default_rng(0).integers(0, 255, (4, 32, 32, 3), np.uint8) // 4 + 90
    inputs = Inputs(4, 5.0, (32, 32), {}, np.zeros_like(flicker))
    plain, held = (draft_of(Decoded(list(flicker), inputs, {"steady": each}, {}, None)).frames for each in (0.0, 1.0))
    assert np.array_equal(plain, flicker) and np.std(held, 0).mean() < 0.5 * np.std(plain, 0).mean()


@pytest.mark.parametrize(
    "mode, given, code",
    [
        ("synthesize", {"upscale": 8}, "E-UPSCALE-LARGE"),
        ("synthesize", {"upscale": 0.5}, "E-PARAMETER-VALUE"),
        ("synthesize", {"upscale_model": "embedded"}, "E-UPSCALE-ALONE"),
        ("synthesize", {"upscale_strength": 0.7}, "E-UPSCALE-STRENGTH-ALONE"),
        ("synthesize", {"upscale": 1.001}, "E-UPSCALE-SMALL"),
        ("text2video", {"upscale": 2}, "E-UPSCALE-MODEL-LACKING"),
        ("text2video", {"upscale": 2, "upscale_model": "embedded/pix2pix"}, "E-MODEL-USE"),
        ("text2video", {"upscale": 2, "upscale_model": "a", "prompt_at": "2: a cat"}, "E-UPSCALE-PROMPTS"),
        ("text2video", {"upscale": 2, "upscale_model": "embedded/video", "upscale_tile": 9}, "E-TILE"),
        ("text2video", {"upscale_tile": 64}, "E-UPSCALE-TILE-ALONE"),
        ("synthesize", {"upscale": 2, "upscale_model": "no/such/folder"}, "E-MODEL-UNKNOWN"),
        ("synthesize", {"upscale": 2, "upscale_model": "embedded/pix2pix"}, "E-MODEL-USE"),
        ("animate", {"upscale": 2, "memory": "8GB"}, "E-UPSCALE-MEMORY"),
    ],
)
def test_what_the_second_pass_cannot_do_is_refused_before_the_first(
    model, modelscope_folder, tiny_folder, motion_folder, tmp_path, mode, given, code
):
    own = {
        "synthesize": {"model_name": modelscope_folder},
        "text2video": {"model_name": tiny_folder},
        "animate": {"model_name": tiny_folder, "motion_module": motion_folder},
    }[mode]
    steps: list[int] = []
    with pytest.raises(InputError) as refused:
        model.run(mode, prompt="a fox", save_path=tmp_path / "a.png", callback=steps.append, **own, **given, **QUICK)
    assert refused.value.code == code and not steps
