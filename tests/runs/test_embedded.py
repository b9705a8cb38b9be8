"""The acceptance test of the main job: the model that ships makes the right video, judged by a network of its own."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from conftest import CLIPS, ROOT

from ppt2v import Model, video
from ppt2v.cache import default_folder
from ppt2v.models.sources import catalogue, locate
from ppt2v.runs.session import Session


@pytest.fixture(scope="module")
def judge():
    sys.path.insert(0, str(ROOT))
    try:
        from training.judge import pictures
    finally:
        sys.path.remove(str(ROOT))
    return pictures


@pytest.fixture(scope="module")
def model():
    return Model(device="cpu")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("subject", "place", "prompt", "motion"),
    [
        ("panda", "snow", "a panda in the snow", (12, 0)),
        pytest.param("robot", "yellow", "a robot on a yellow background", (0, -12), marks=pytest.mark.smoke),
    ],
    ids=["left", "down"],
)
def test_right_subject_in_the_right_place_moves_as_asked(judge, model, tmp_path, subject, place, prompt, motion):
    path = model.process_text2video(
        prompt,
        save_path=tmp_path / "clip.mp4",
        seed=0,
        motion_field_strength_x=motion[0],
        motion_field_strength_y=motion[1],
    )
    clip = video.read(path, multiple=1)
    assert clip.frames.shape == (8, 128, 128, 3)
    subjects, places, centres = judge.verdict(judge.load(), clip.frames)
    assert subjects == [subject] * 8
    assert places == [place] * 8
    asked = -7 * np.array(motion) * 128 / 512
    assert (centres[-1] - centres[0]) @ asked > 0.5 * asked @ asked


GUIDED = [  # mode, clip, prompt, what the judge sees in most frames (subject, place)
    ("canny", "panda", "a panda at sunset", ("panda", "sunset")),
    ("depth", "elephant_depth", "an elephant in the snow", ("elephant", "snow")),
    ("depth", "elephant", "an elephant in the snow", ("elephant", "snow")),
    ("pix2pix", "panda", "make it night", (None, "night")),
    ("canny-db", "bear", "a sks bear on the beach", (None, "beach")),
    ("pose", "dance_pose", "a dancing fox on the grass", (None, "grass")),
]


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "clip", "prompt", "expected"), GUIDED)
def test_guided_modes_make_of_their_clip_what_is_asked_for(model, judge, tmp_path, mode, clip, prompt, expected):
    made = video.read(
        model.run(
            mode, video_path=CLIPS / f"{clip}.mp4", prompt=prompt, seed=0, out_fps=2, save_path=tmp_path / "made.mp4"
        ),
        multiple=1,
    )
    assert made.frames.shape == (4, 128, 128, 3) and made.fps == (4 if mode == "pose" else 2)
    subjects, places, _ = judge.verdict(judge.load(), made.frames)
    for seen, wanted in zip((subjects, places), expected):
        assert wanted is None or seen.count(wanted) >= 3, seen


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "subject", "place", "prompt", "way"),
    [
        ("synthesize", "panda", "snow", "a panda moving left in the snow", (-1, 0)),
        ("synthesize", "rocket", "space", "a rocket rising in outer space", (0, -1)),
        ("animate", "panda", "snow", "a panda moving left in the snow", (-1, 0)),
    ],
    ids=["left", "up", "motion modules"],
)
def test_models_of_moving_pictures_move_one_subject_as_told(model, judge, tmp_path, mode, subject, place, prompt, way):
    path = model.run(mode, prompt=prompt, save_path=tmp_path / "clip.mp4", seed=1)
    clip = video.read(path, multiple=1)
    assert clip.frames.shape == (16, 128, 128, 3) and clip.fps == 8
    subjects, places, centres = judge.verdict(judge.load(), clip.frames)
    assert subjects.count(subject) >= 14 and places.count(place) >= 14
    moved = centres[-3:].mean(axis=0) - centres[:3].mean(axis=0)
    assert moved @ way > 8 and moved @ way > 2 * abs(moved[::-1] @ way)


@pytest.mark.slow
def test_base_noise_decides_what_a_videofusion_clip_shows(model, judge, tmp_path):
    clips = []
    for seed, content_seed in ((1, 1), (2, 1), (2, 2)):
        path = model.process_text2video_synthesis(
            "a panda moving left in the snow",
            model_name="embedded/videofusion",
            seed=seed,
            content_seed=content_seed,
            save_path=tmp_path / f"{seed}-{content_seed}.mp4",
        )
        clips.append(video.read(path, multiple=1).frames)
        subjects, places, centres = judge.verdict(judge.load(), clips[-1])
        assert len(subjects) == 16 and subjects.count("panda") >= 14 and places.count("snow") >= 14
        assert centres[-1][0] < centres[0][0] - 8
    first, same_base, other_base = (clip[8].astype(float) for clip in clips)  # the base frame; but for compression
    assert np.abs(first - same_base).mean() < 2 and np.abs(first - other_base).mean() > 5
    assert np.abs(clips[0].astype(float) - clips[1]).mean() > 5


@pytest.mark.parametrize("prompt", ["an elderly wizard drinking tea", "a fox in the snow " * 60, "一只在雪地里的狐狸"])
def test_unknown_subjects_and_long_prompts_are_no_error(model, tmp_path, prompt):
    path = model.process_text2video(
        prompt, save_path=tmp_path / "clip.gif", seed=0, video_length=2, num_inference_steps=4
    )
    assert video.read(path, multiple=1).frames.shape == (2, 128, 128, 3)


def test_notice_is_given_once(tmp_path, capsys, monkeypatch):
    (default_folder() / ".embedded-notice").unlink(missing_ok=True)
    for name in ("a", "b"):
        monkeypatch.setattr(Session, "_notice_given", False)  # as in a new process
        model = Model(device="cpu")
        model.process_text2video("a fox", save_path=tmp_path / f"{name}.gif", video_length=1, num_inference_steps=2)
    said = capsys.readouterr().err
    assert said.count("Using the small model that ships with ppt2v") == 1
    assert "--model stable-diffusion-v1-5" in said


def test_the_folder_is_small_and_complete():
    folder = locate.locate(catalogue.EMBEDDED)
    sizes = {file: file.stat().st_size for file in folder.rglob("*")}
    of_videos = sum(size for file, size in sizes.items() if folder / "video" in file.parents)
    assert of_videos < 25e6 and sum(sizes.values()) - of_videos < 90e6
    assert (folder / "README.md").exists()
