"""Directed motion is checked, and made the text that recipes keep, before anything is loaded."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import CLIPS
from PIL import Image

from ppt2v import MODES, InputError, Model, video
from ppt2v.models.adapters import adapters
from ppt2v.pipelines.planning import keyframes
from ppt2v.request import directions, prompts
from ppt2v.request.request import Request

PAN = "0: pan 0 0; 7: pan 24 0"


def asked(**given) -> Request:
    return Request.of(MODES["text2video"], {"prompt": "a fox", **given})


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"camera": ""}, "E-KEYFRAMES-FORM"),
        ({"prompt_at": ""}, "E-KEYFRAMES-FORM"),
        ({"camera": "0: pan 0"}, "E-CAMERA-FORM"),
        ({"camera": "0: pan 0 0; 8: pan 24 0"}, "E-KEYFRAMES-END"),
        ({"camera": "0: pan 0 0; 7: pan 900 0"}, "E-CAMERA-OUTSIDE"),
        ({"camera": PAN, "use_motion_field": False}, "E-CAMERA-WITHOUT-FIELD"),
        ({"camera": PAN, "motion_field_strength_x": 3.0}, "E-CAMERA-AND-MOTION"),
        ({"loop": True, "use_motion_field": False}, "E-LOOP-WITHOUT-FIELD"),
        ({"loop": True, "camera": "0: pan 0 0; 3: pan 24 0; there-and-back"}, "E-LOOP-BACK"),
        ({"loop": True, "camera": "0: zoom 4; 1: zoom 0.25; 2: pan 700 0"}, "E-CAMERA-OUTSIDE"),  # on its way back
        ({"pag_scale": 3.0, "prompt_at": "4: a fox at night"}, "E-PAG-PROMPTS"),
        ({"prompt_at": "8: a fox at night"}, "E-KEYFRAMES-END"),
        ({"prompt_at": "0: a bear; 4: a fox at night"}, "E-PROMPT-AT-TWICE"),
        ({"prompt_at": "a fox at night"}, "E-KEYFRAMES-FORM"),
        ({"prompt_at": [{"frame": 0, "prompt": "a fox; 6: a bear"}]}, "E-KEYFRAMES-WITHIN"),
        ({"camera": [{"frame": 0, "pan": [0, 0], "easing": "ease; 6: zoom 2"}]}, "E-KEYFRAMES-WITHIN"),
        ({"prompt_at": "4: a fox <lora:this>"}, "E-PROMPT-LORA"),
        ({"camera": [{"pan": [0, 0]}]}, "E-PARAMETER-VALUE"),
        ({"camera": 3}, "E-PARAMETER-VALUE"),
    ],
)
def test_what_does_not_go_together_is_refused(given, code):
    with pytest.raises(InputError) as refused:
        asked(**given)
    assert refused.value.code == code


def test_a_clip_to_start_from_and_runs_that_start_from_noise_again_are_refused():
    with pytest.raises(InputError) as refused:
        Request.of(MODES["synthesize"], {"prompt": "a fox", "free_init": 2, "init_video": CLIPS / "panda.mp4"})
    assert refused.value.code == "E-FREE-INIT-CLIP"


def test_a_way_as_a_list_is_the_one_that_is_written():
    camera = [{"frame": 0, "pan": [0, 0], "zoom": 1}, {"frame": 7, "pan": [24, 0.5], "easing": "ease"}]
    assert asked(camera=camera).values["camera"] == "0: pan 0 0 zoom 1; 7: pan 24 0.5 easing ease"


def test_what_would_begin_a_keyframe_is_not_added_to_the_prompts():
    values = {"prompt": "a fox", "prompt_at": "4: a bear", "a_prompt": "best; 6: a hare"}
    with pytest.raises(InputError, match="a_prompt='best; 6: a hare'") as refused:
        directions.check(values, 8, (None, None))
    assert refused.value.code == "E-KEYFRAMES-WITHIN"


def test_frames_per_second_that_a_format_cannot_play_are_refused_with_what_was_given(tmp_path):
    request = asked(fps=50, interpolate=4, save_path=str(tmp_path / "a.gif"))
    with pytest.raises(InputError, match="fps=50 and interpolate=4: these are 200") as refused:
        request.output_file()
    assert refused.value.code == "E-FPS-INTERPOLATE"


@pytest.mark.parametrize(
    "given",
    [
        {"camera": "zoom" * 1000},
        {"camera": "0: " + "zoom" * 1000},
        {"anchors": "first" * 1000},
        {"prompt": "a fox " * 300, "prompt_at": "0: " + "a bear " * 300},
    ],
)
def test_of_a_long_text_a_message_shows_the_ends(given):
    with pytest.raises(InputError) as refused:
        asked(**given)
    assert len(str(refused.value)) < 500


def test_a_camera_that_goes_too_far_only_on_its_way_back_is_taken_where_it_does_not_come_back():
    assert asked(camera="0: zoom 4; 1: zoom 0.25; 2: pan 700 0")


def test_what_is_added_to_the_prompt_is_added_to_each():
    assert keyframes.with_each("0: a fox; 4: a bear", "fine") == "0: a fox, fine; 4: a bear, fine"


@pytest.fixture
def picture(tmp_path) -> Path:
    file = tmp_path / "first.png"
    Image.new("RGB", (64, 48), "red").save(file)
    return file


def test_a_first_frame_in_the_shape_of_the_frames_is_taken_and_scaled(picture):
    assert asked(init_image=picture, resolution="128x96").values["init_image"] == str(picture)
    assert video.read_still(str(picture), 96, 128).shape == (1, 96, 128, 3)


@pytest.mark.parametrize(
    ("name", "resolution", "code"),
    [
        ("first.png", "128", "E-STILL-SHAPE"),
        ("none.png", None, "E-STILL-MISSING"),
        ("text.png", None, "E-PICTURE-KIND"),
    ],
)
def test_a_first_frame_that_does_not_fit_is_refused(picture, name, resolution, code):
    (picture.parent / "text.png").write_text("no picture")
    with pytest.raises(InputError) as refused:
        asked(init_image=picture.parent / name, resolution=resolution)
    assert refused.value.code == code


def test_a_first_frame_goes_neither_with_a_clip_to_start_from_nor_with_runs_that_start_again(picture, motion_folder):
    given = {"prompt": "a fox", "motion_module": motion_folder, "init_image": picture, "init_video": CLIPS / "car.mp4"}
    with pytest.raises(InputError, match="is a first frame, and init_video=.*car.mp4 is a clip"):
        Request.of(MODES["animate"], given)
    del given["init_video"]
    with pytest.raises(InputError, match="free_init=2 starts again from the noise, and init_image=.* from a picture"):
        Request.of(MODES["animate"], {**given, "free_init": 2})
    assert Request.of(MODES["animate"], given).values["strength"] == 0.6


def test_a_first_frame_that_does_not_fit_the_models_own_size_is_refused_too(picture):
    with pytest.raises(InputError, match="64x48 pixels, and the frames are to have 128x128"):
        Model(show_progress=False).process_text2video("a fox", init_image=picture)


def test_prompts_as_a_list_are_those_that_are_written():
    keys = [{"frame": 0, "prompt": "a fox"}, {"frame": 5, "prompt": "a fox; at night: 2 of them"}]
    assert asked(prompt_at=keys).values["prompt_at"] == "0: a fox; 5: a fox; at night: 2 of them"


@pytest.mark.parametrize("prompt_at", ["0: a bear; 5: a fox", "2: a bear; 5: a fox"])
def test_the_first_of_several_prompts_is_the_prompt_where_there_is_none(prompt_at):
    values = Request.of(MODES["text2video"], {"prompt_at": prompt_at}).values
    assert values["prompt"] == "a bear"
    assert Request.of(MODES["text2video"], values).values == values  # as a recipe gives it


def test_words_of_every_prompt_are_looked_at():
    values = asked(prompt_at="5: a fox and a zeppelin").values
    assert "zeppelin" in str(prompts.advice(values, adapters.read(values))[0])


def test_with_a_camera_nothing_else_moves_unless_it_is_told_to():
    names = "motion_field_strength_x", "motion_field_strength_y"
    values = asked(camera=PAN).values
    assert [values[name] for name in names] == [0, 0]
    assert asked(**{name: values[name] for name in names}, camera=PAN).values == values  # as a recipe gives it
    subject = asked(camera=PAN, smooth_bg=True, motion_field_strength_x=-5.0).values
    assert [subject[name] for name in names] == [-5, 0]


def test_a_longer_video_reaches_later_keyframes():
    assert asked(camera="0: zoom 1; 23: zoom 1.5", video_length=24).values["camera"]
