"""Requests to a server of PaddleHub: base64 in and out, and what a request may not ask for."""

from __future__ import annotations

import base64
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import CLIPS

from ppt2v import MODES, InputError, video
from ppt2v.hubs import paddlehub_serving
from ppt2v.hubs.paddlehub import VideoMaker
from ppt2v.hubs.paddlehub_serving import answer

QUICK = {"engine": "eager", "device": "cpu", "num_inference_steps": 2, "show_progress": False}


def text(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode("ascii")


@pytest.fixture(scope="module")
def tiny(tiny_folder) -> VideoMaker:
    """Makes videos of two frames of 16x16 pixels."""
    return VideoMaker("text2video", model_name=tiny_folder, video_length=2, **QUICK)


@pytest.fixture(scope="module")
def editor() -> VideoMaker:
    return VideoMaker("pix2pix", **QUICK)


@pytest.fixture
def read(tmp_path):
    """The frames of an answer."""

    def call(answered: dict[str, str]) -> np.ndarray:
        file = tmp_path / f"answered.{answered['format']}"
        file.write_bytes(base64.b64decode(answered["video"], validate=True))
        return video.read(file, multiple=1).frames

    return call


@pytest.fixture
def temporary(tmp_path, monkeypatch) -> Path:
    """The folder for temporary files, of this test alone."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.mark.parametrize("save_format", ["mp4", "gif", "webm"])
def test_prompt_gives_a_video(tiny, read, temporary, save_format):
    answered = answer(tiny, prompt="a panda", seed=1, save_format=save_format)
    assert answered.keys() == {"video", "format"} and answered["format"] == save_format
    assert read(answered).shape == (2, 16, 16, 3)
    assert not list(temporary.iterdir())


def test_request_wins_over_what_was_loaded(tiny, read):
    first, same, other = (read(answer(tiny, prompt="a panda", seed=seed, video_length=3)) for seed in (1, 1, 2))
    assert len(first) == 3
    assert np.array_equal(first, same) and not np.array_equal(first, other)


def test_format_that_was_loaded_gives_way(tiny_folder, read):
    make = VideoMaker("text2video", model_name=tiny_folder, video_length=1, save_format="gif", **QUICK)
    assert answer(make, prompt="a panda")["format"] == "mp4"


def test_clip_is_edited(editor, read, temporary):
    answered = answer(editor, prompt="make it snow", clip=text(CLIPS / "panda.mp4"), end_t=0.2, resolution=64)
    assert read(answered).shape[1:] == (64, 64, 3)
    assert not list(temporary.iterdir())


def test_video_model_starts_from_noise_or_from_a_clip(modelscope_folder, read):
    make = VideoMaker("synthesize", model_name=modelscope_folder, resolution="16", **QUICK)
    assert len(read(answer(make, prompt="a fox", video_length=2))) == 2
    started = read(answer(make, prompt="a fox", clip=text(CLIPS / "panda.mp4"), end_t=0.4, strength=1))
    assert started.shape[1:] == (16, 16, 3)


CLOSED = (
    "save_path",
    "checkpoint_dir",
    "model_name",
    "video_path",
    "init_video",
    "init_image",
    "lora",
    "textual_inversion",
    "tokenizer",
    "vae",
    "controlnet",
    "motion_module",
    "upscale_model",
    "interpolate_model",
    "detector_weights",
    "saliency_weights",
    "preview_vae",
    "memory",
)
TEXTS_OR_PLACES = ("extra_controls", "watermark")


@pytest.mark.parametrize("name", CLOSED)
def test_request_names_no_file_and_no_model(tmp_path, temporary, name):
    target = tmp_path / "target.mp4"
    (mode,) = [mode for mode in MODES.values() if name in {each.name for each in mode.parameters}][:1]
    make = VideoMaker(mode.name, **QUICK)
    with pytest.raises(InputError, match=f"{name} cannot be chosen here"):
        answer(make, prompt="a panda", **{name: str(target)})
    assert not target.exists() and not list(temporary.iterdir())


@pytest.mark.parametrize(
    ("name", "place", "message"),
    [
        ("extra_controls", "depth:1:/etc", "the model '/etc' cannot be chosen"),
        ("extra_controls", ["depth:1:an/other"], "the model 'an/other' cannot be chosen"),
        ("watermark", "/etc/logo.png", "a picture as the watermark cannot be chosen"),
    ],
    ids=str,
)
def test_texts_that_may_name_a_place_name_none(temporary, name, place, message):
    assert name in TEXTS_OR_PLACES
    with pytest.raises(InputError, match=message):
        answer(VideoMaker("canny", **QUICK), prompt="a panda", clip=text(CLIPS / "panda.mp4"), **{name: place})
    assert not list(temporary.iterdir())


def test_what_requests_may_give():
    parameters = [each for mode in MODES.values() for each in mode.parameters]
    free = [each for each in parameters if each.kind is str and not each.choices and each.holds != "keyframes"]
    given = {each.name for each in free}
    harmless = {"prompt", "prompt_2", "n_prompt", "n_prompt_2", "a_prompt", "anchors", "resolution", "save_format"}
    assert given - harmless == {*CLOSED, *TEXTS_OR_PLACES}


PLAYLIST = b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"save_format": "png"}, "save_format='png': here it is one of mp4, webm, gif"),
        ({"save_format": ["mp4"]}, r"save_format=\['mp4'\]: the rule is a text"),
        ({"prompt": None, "clip": text(CLIPS / "panda.mp4")}, "the prompt is empty"),
        ({"prompt": 5}, "prompt=5: the rule is a text"),
        ({}, "there is no clip: give its file as base64"),
        ({"clip": 5}, "the clip is no text"),
        ({"clip": "AAAA-AAA"}, "the clip is no base64"),
        ({"clip": "\u00e4"}, "the clip is no base64"),
        ({"clip": ""}, "the file is no video"),
        ({"clip": base64.b64encode(PLAYLIST).decode()}, "the file is no video"),
        ({"clip": text(CLIPS / "panda.mp4")[:4000]}, "^the clip is"),
        ({"clip": text(CLIPS / "panda.mp4"), "start_t": 60.0}, "the clip ends at"),
        ({"clip": text(CLIPS / "panda.mp4"), "out_fps": 1e12}, "out_fps=1000000000000.0: the rule is a number <= 240"),
        ({"clip": text(CLIPS / "panda.mp4"), "out_fps": 200}, "frames of the clip: .* is too much"),
        ({"clip": text(CLIPS / "panda.mp4"), "stepps": 2}, "unknown parameter 'stepps'"),
        ({"make": "x"}, "unknown parameter 'make'"),
        ({"extra_controls": 5}, "unknown parameter 'extra_controls'"),
        ({"watermark": 5}, "watermark=5: the rule is a text"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refuses(editor, temporary, request_, message):
    with pytest.raises(InputError, match=message):
        answer(editor, **{"prompt": "make it snow", **request_})
    assert not list(temporary.iterdir())


def test_refuses_what_is_too_much(tiny, editor, monkeypatch):
    for name, value in (
        ("video_length", 65),
        ("num_inference_steps", 101),
        ("resolution", "16x800"),
        ("n_prompt", "a" * 2001),
    ):
        with pytest.raises(InputError, match=f"{name}: .* is too much"):
            answer(tiny, prompt="a panda", **{name: value})
    with pytest.raises(InputError, match="text2video starts from no clip"):
        answer(tiny, prompt="a panda", clip=text(CLIPS / "panda.mp4"))
    limits = paddlehub_serving.LIMITS
    for name, most, message in (
        ("clip_side", 64, "the clip's longest side: 128 is too much, the most here is 64 pixels"),
        ("clip_seconds", 0, "the clip: .* is too much, the most here is 0 seconds"),
        ("upload_mb", 0, "the clip is too large"),
    ):
        monkeypatch.setattr(paddlehub_serving, "LIMITS", replace(limits, **{name: most}))
        with pytest.raises(InputError, match=message):
            answer(editor, prompt="make it snow", clip=text(CLIPS / "panda.mp4"))


def test_clip_of_the_server_serves_requests_without_one(read, tmp_path):
    clip = shutil.copy(CLIPS / "panda.mp4", tmp_path)
    make = VideoMaker("pix2pix", video_path=clip, end_t=0.2, resolution=64, **QUICK)
    assert read(answer(make, prompt="make it snow")).shape[1:] == (64, 64, 3)
