"""Recipes keep what tells apart the files that a video was made of."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from ppt2v import MODES, Model, video
from ppt2v.batch import outcomes, rows
from ppt2v.models.formats.writing import save_torch
from ppt2v.models.sources import downloads
from ppt2v.parameters import resolve
from ppt2v.runs import files


def found(mode="text2video", **given):
    return files.fingerprints(MODES[mode], resolve(MODES[mode].parameters, given, {}))


def test_clips_models_adapters_and_pictures_are_told_apart_by_their_contents(tmp_path, tiny_folder):
    for name in ("clip.mp4", "style.safetensors", "mark.png"):
        (tmp_path / name).write_bytes(b"one")
    asked = {
        "video_path": str(tmp_path / "clip.mp4"), "lora": [f"{tmp_path}/style.safetensors:0.5", "missing.safetensors"],
        "model_name": str(tiny_folder), "controlnet": "embedded/canny", "watermark": str(tmp_path / "mark.png"),
    }  # fmt: skip
    before = found("canny", **asked)
    assert set(before) == {"clip.mp4", "style.safetensors", "mark.png", tiny_folder.name}
    (tmp_path / "style.safetensors").write_bytes(b"two")
    after = found("canny", **asked)
    assert {name for name in before if before[name] != after[name]} == {"style.safetensors"}
    values = resolve(MODES["canny"].parameters, asked, {})
    assert files.changed(MODES["canny"], values, before) == ["style.safetensors"]
    assert files.changed(MODES["canny"], values, {}) == []


def test_a_models_description_is_no_part_of_it(copy):
    before = found(model_name=str(copy))
    (copy / "README.md").write_text("other words")
    (copy / ".cache").write_text("other")
    assert found(model_name=str(copy)) == before
    [weights] = (copy / "unet").glob("*.safetensors")
    weights.write_bytes(weights.read_bytes()[:-4] + b"1234")
    assert found(model_name=str(copy)) != before


def test_what_ships_and_what_is_not_here_has_none(monkeypatch, tmp_path):
    monkeypatch.setattr(downloads, "cache_folder", lambda _: tmp_path)
    assert found() == {} and found(model_name="hf:some/model", lora=["some/style"]) == {}


def test_a_downloaded_model_is_known_by_its_id(monkeypatch, tmp_path, copy):
    monkeypatch.setattr(downloads, "cache_folder", lambda _: tmp_path / "cache")
    (tmp_path / "cache" / "some").mkdir(parents=True)
    os.rename(copy, tmp_path / "cache" / "some" / "model")
    assert set(found(model_name="some/model")) == {"some/model"}


@pytest.fixture
def word(tmp_path):
    def write(value: float) -> Path:
        save_torch(tmp_path / "word.bin", {"<word>": np.full(128, value, np.float32)})
        return tmp_path / "word.bin"

    return write


def test_a_video_tells_of_which_files_it_was_made_and_a_batch_sees_when_they_change(tmp_path, word):
    row = {"prompt": "a <word>", "textual_inversion": [str(word(0.1))], "name": "one", "video_length": 1}
    row |= {"num_inference_steps": 1, "use_motion_field": False}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row))
    [asked] = rows.read(tmp_path / "rows.jsonl", tmp_path)
    Model("cpu", engine="eager", show_progress=False).run("text2video", **{**asked.given, "save_path": asked.target})
    assert set(video.read_recipe(asked.target)["files"]) == {"word.bin"}
    assert outcomes.standing(asked).state == outcomes.SKIPPED
    word(0.2)
    assert "word.bin with other contents" in str(outcomes.standing(asked).error)


def test_a_recipe_of_what_ships_alone_is_as_before(tmp_path):
    made = Model("cpu", engine="eager", show_progress=False).process_text2video(
        "a fox", video_length=1, num_inference_steps=1, use_motion_field=False, save_path=tmp_path / "a.png"
    )
    assert "files" not in video.read_recipe(made)
