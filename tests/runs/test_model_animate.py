"""Videos with motion modules: from a prompt to a file, guided by a clip, within a limit of memory."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import CLIPS

from ppt2v import InputError, Model, video

QUICK = {"num_inference_steps": 2, "seed": 1}


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(device="cpu", engine="eager", show_progress=False)


def frames(path: str) -> np.ndarray:
    return video.read(path, multiple=1).frames


def test_a_prompt_becomes_a_video_whose_recipe_makes_it_again(model, tiny_folder, motion_folder, tmp_path):
    first = model.process_animate(
        "a fox", tiny_folder, motion_folder, video_length=9, save_path=tmp_path / "fox.png", **QUICK
    )
    recipe = video.read_recipe(first)
    assert (recipe["mode"], recipe["parameters"]["motion_module"]) == ("animate", str(motion_folder))
    assert motion_folder.name in recipe["files"]
    again = model.run("animate", **{**recipe["parameters"], "save_path": str(tmp_path / "again.png")})
    assert len(frames(first)) == 9 and np.array_equal(frames(first), frames(again))


def test_a_clip_is_made_anew_in_its_size_and_number_of_frames(model, tiny_folder, motion_folder, tmp_path):
    clip = {"init_video": CLIPS / "car.mp4", "end_t": 0.5, "resolution": 16, "strength": 0.5}
    path = model.process_animate("a fox", tiny_folder, motion_folder, save_path=tmp_path / "a.gif", **clip, **QUICK)
    assert frames(path).shape[:1] == (4,) and max(frames(path).shape[1:3]) == 16


def test_with_a_motion_module_guided_frames_are_made_together(model, tiny_folder, motion_folder, tmp_path):
    from ppdiffusers import ControlNetModel

    from ppt2v.models.families.stable_diffusion import load_stable_diffusion

    unet = load_stable_diffusion(tiny_folder).unet
    controlnet = tmp_path / "controlnet"
    ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(4, 8)).save_pretrained(str(controlnet))
    given = {"model_name": tiny_folder, "controlnet": controlnet, "end_t": 0.5, "out_fps": 16, "resolution": 16}
    made = [
        frames(
            model.run("canny", video_path=CLIPS / "car.mp4", prompt="a car", save_path=path, **own, **given, **QUICK)
        )
        for path, own in ((tmp_path / "plain.png", {}), (tmp_path / "moved.png", {"motion_module": motion_folder}))
    ]
    assert made[0].shape == made[1].shape and (made[0] != made[1]).any()


def test_a_limit_of_memory_counts_the_frames_of_a_window(model, tiny_folder, motion_folder, tmp_path):
    given = {"model_name": tiny_folder, "motion_module": motion_folder, "video_length": 2, **QUICK}
    path = model.process_animate("a fox", memory="8GB", save_path=tmp_path / "fox.gif", **given)
    assert "chunk_size" not in video.read_recipe(path)["parameters"]
    with pytest.raises(InputError, match="even with windows of 2 frames .motion_window."):
        model.process_animate("a fox", memory="0.1GB", save_path=tmp_path / "other.gif", **given)
