"""Homes that cannot be written, or that do not exist: everything works, without a cache, or the variable is named."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ppt2v import InputError, cache
from ppt2v.cli import doctor
from ppt2v.environment import homes
from ppt2v.models.sources import downloads

NOWHERE = "/dev/null/home"  # cannot be made, not even by the superuser


@pytest.fixture
def no_home(monkeypatch):
    monkeypatch.setenv("HOME", NOWHERE)
    for name in ("PPNLP_HOME", "XDG_CACHE_HOME", "PPT2V_CACHE"):
        monkeypatch.delenv(name, raising=False)


def test_whether_a_folder_can_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    assert homes.can_be_written(tmp_path) and homes.can_be_written(tmp_path / "new" / "deeper")
    for place in (tmp_path / "file", tmp_path / "file" / "below", "no/absolute/path", "~/unknown", NOWHERE):
        assert not homes.can_be_written(place)
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert not homes.can_be_written(tmp_path)


def test_a_home_is_lent_where_there_is_none(no_home):
    homes.lend_home()
    lent = os.environ["PPNLP_HOME"]
    assert homes.can_be_written(lent) and homes.paddlenlp_home() is None
    homes.check_home()
    assert downloads.cache_folder(downloads.PADDLE) == Path(NOWHERE) / ".cache" / "paddlenlp" / "ppdiffusers"


def test_no_home_is_lent_where_there_is_one(no_home, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    homes.lend_home()
    assert "PPNLP_HOME" not in os.environ and not list(tmp_path.iterdir())


def test_a_home_that_was_filled_before_need_not_be_written(no_home, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("models", "datasets", "packages"):
        (tmp_path / ".paddlenlp" / name).mkdir(parents=True)
    monkeypatch.setattr(os, "access", lambda *_: False)
    homes.lend_home()
    assert "PPNLP_HOME" not in os.environ


def test_a_named_home_that_cannot_be_written_is_refused_by_its_variable(no_home, monkeypatch):
    monkeypatch.setenv("PPNLP_HOME", NOWHERE)
    homes.lend_home()
    with pytest.raises(InputError, match=f"PPNLP_HOME={NOWHERE} cannot be written"):
        homes.check_home()


@pytest.mark.parametrize("source", downloads.PREFIXES)
def test_a_download_without_a_place_names_the_variable(no_home, monkeypatch, source):
    monkeypatch.setattr(downloads, "cache_folder", lambda _: Path(NOWHERE))
    variable = {"Hugging Face": "HF_HOME", "AI Studio": "AISTUDIO_HOME"}.get(source, "PPNLP_HOME")
    with pytest.raises(InputError, match=f"cannot be written; set {variable} to a folder with room, or give a folder"):
        downloads.download(source, "some/model", "some/model", lambda fetch: pytest.fail("fetched"), "a folder")


def test_users_without_any_home_have_no_cache(no_home, monkeypatch):
    monkeypatch.setattr(os.path, "expanduser", lambda path: str(path))
    assert not homes.can_be_written(cache.user_cache())
    assert cache.Cache().entries() == [] and cache.Cache().find({"engine": "openvino"}) is None
    assert downloads.cached_folder(downloads.PADDLE, "some/model") is None
    homes.lend_home()
    assert os.environ["XDG_CACHE_HOME"] == str(cache.user_cache()), "or libraries take ~ for the name of a folder"


def test_doctor_says_that_nothing_can_be_kept(no_home, monkeypatch, tmp_path):
    found = doctor._cache()
    assert f"{NOWHERE}/.cache/ppt2v/engines cannot be written" in found.found and "PPT2V_CACHE" in found.remedy
    monkeypatch.setenv("PPT2V_CACHE", str(tmp_path / "new"))
    assert doctor._cache() == ("cache", str(tmp_path / "new"), None)


def test_a_video_is_made_without_a_home(tiny_folder, tmp_path):
    pytest.importorskip("openvino")
    kept = {name: value for name, value in os.environ.items() if name not in ("PPT2V_CACHE", "XDG_CACHE_HOME")}
    command = ["-m", "ppt2v", "text2video", "a fox in the snow", "--frames", "1", "--steps", "1", "--no-motion-field"]
    command += ["--model", str(tiny_folder), "--engine", "openvino", "--out", str(tmp_path / "fox.mp4")]
    ended = subprocess.run(
        [sys.executable, *command], env={**kept, "HOME": NOWHERE}, cwd=tmp_path, capture_output=True, text=True
    )
    assert ended.returncode == 0 and (tmp_path / "fox.mp4").exists(), ended.stderr
    assert "the cache cannot be used" in ended.stderr and "Traceback" not in ended.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["fox.mp4"]
