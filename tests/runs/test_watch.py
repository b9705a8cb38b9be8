"""Who watches a run sees how far it is, sees the first frame, and can stop it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import CLIPS

from ppt2v import Model, video
from ppt2v.errors import Cancelled
from ppt2v.progress import Cell, Progress, bars

CLIP = CLIPS / "elephant_depth.mp4"
FAST = {"prompt": "a panda", "num_inference_steps": 3, "seed": 3}


@pytest.fixture(scope="module")
def model():
    return Model(device="cpu", engine="eager", show_progress=False)


def stages(seen: list[Progress]) -> list[str]:
    return list(dict.fromkeys(progress.stage.split(" (")[0] for progress in seen))


@pytest.mark.parametrize(
    ("mode", "given", "expected"),
    [
        ("text2video", {"model": "tiny_folder", "video_length": 3}, ["Denoising", "Decoding"]),
        ("synthesize", {"model": "modelscope_folder", "video_length": 3, "resolution": 16}, ["Denoising", "Decoding"]),
        ("depth", {"video_path": CLIP, "out_fps": 1, "resolution": 64}, ["Control maps", "Denoising", "Decoding"]),
    ],
)
def test_every_stage_is_told_from_its_beginning_to_its_end(model, request, tmp_path, mode, given, expected):
    given, seen, pictures, frames = dict(given), [], [], []
    if "model" in given:
        given["model_name"] = request.getfixturevalue(given.pop("model"))

    def watch(progress: Progress) -> None:
        seen.append(progress)
        if progress.preview:
            pictures.append(progress.preview())
            frames.append(progress.frames())

    path = model.run(mode, callback=watch, **FAST, **given, save_path=tmp_path / "watched.mp4")
    assert stages(seen) == expected
    for stage in {progress.stage for progress in seen}:
        told = [(progress.done, progress.total) for progress in seen if progress.stage == stage]
        assert told[0] == (0, None) and told[-1][0] == told[-1][1]
        assert [done for done, _ in told] == sorted(done for done, _ in told)
    shape = video.read(path, multiple=1).frames.shape
    assert {picture.shape for picture in pictures} == {shape[1:]}
    assert all((first == several[0]).all() for first, several in zip(pictures, frames))
    assert {several.shape for several in frames} <= {shape, (1, *shape[1:])} and frames[-1].shape == shape
    unwatched = model.run(mode, **FAST, **given, save_path=tmp_path / "unwatched.mp4")
    assert Path(path).read_bytes() == Path(unwatched).read_bytes()


@pytest.mark.parametrize("stage", ["Denoising", "Decoding"])
def test_a_run_is_stopped_at_its_next_step_and_leaves_nothing(model, tiny_folder, tmp_path, stage):
    given, after = {**FAST, "model_name": tiny_folder, "video_length": 3, "save_path": tmp_path / "clip.mp4"}, []

    def stop(progress: Progress) -> None:
        if progress.stage.startswith(stage) and progress.done:
            after.append(progress)
            raise Cancelled

    with pytest.raises(Cancelled):
        model.run("text2video", callback=stop, **given)
    assert len(after) == 1 and not list(tmp_path.iterdir())
    assert video.read(model.run("text2video", **given), multiple=1).frames.shape == (3, 16, 16, 3)


def test_the_frames_are_returned_beside_the_path(model, tiny_folder, tmp_path):
    given = {**FAST, "model_name": tiny_folder, "video_length": 3, "save_path": tmp_path / "frames.png"}
    path, frames = model.process_text2video(**given, return_frames=True)
    assert (frames.shape, str(frames.dtype)) == ((3, 16, 16, 3), "uint8")
    assert (frames == video.read(path, multiple=1).frames).all()  # which png keeps as they are


def test_bars_are_drawn_for_each_stage_and_others_watch_too(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    seen = []
    with bars(True, seen.append) as watch:
        for progress in (Progress("Reading"), Progress("Reading", 2, 2), Progress("Writing", 1, 4)):
            watch(progress)
    drawn = capsys.readouterr().err
    assert "Reading" in drawn and "2/2" in drawn and "Writing" in drawn and "1/4" in drawn
    assert len(seen) == 3
    with bars(False) as watch:
        watch(Progress("Reading", 1, 2))
    assert capsys.readouterr().err == ""


def test_a_notebook_shows_all_stages_in_one_output_without_codes_that_move_a_cursor(monkeypatch):
    shown, places = [], []

    class Handle:
        def update(self, data, raw):
            shown.append(data["text/plain"])

    def display(data, raw, display_id):
        places.append(display_id)
        shown.append(data["text/plain"])
        return Handle()

    monkeypatch.setattr("IPython.display.display", display)
    watch = Cell()
    for progress in (
        Progress("Reading"),
        *(Progress("Reading", done, 400) for done in range(401)),
        Progress("Writing"),
    ):
        watch(progress)
    assert places == [True] and len(shown) < 20
    assert re.fullmatch(r"Reading █{30} 400/400 \(\d+ s\)\nWriting", shown[-1])
    assert not any(code in text for text in shown for code in ("\r", "\x1b", "\b"))
