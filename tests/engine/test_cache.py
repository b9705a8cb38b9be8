"""The cache of exported programs: complete entries only, shared by processes, within its limit."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path

import pytest

from ppt2v import cache as module
from ppt2v.cache import Cache, fingerprint
from ppt2v.errors import InputError

KEY = {"program": "Decoder", "network": "AutoencoderKL"}


def writer(content: bytes = b"program"):
    def write(folder: Path) -> None:
        (folder / "model.xml").write_bytes(content)
        (folder / "model.bin").write_bytes(content * 1000)

    return write


def add_slowly(folder: Path, content: bytes) -> None:
    def write(target: Path) -> None:
        writer(content)(target)
        time.sleep(0.2)

    Cache(folder).add(KEY, write)


@pytest.fixture
def cache(tmp_path) -> Cache:
    return Cache(tmp_path / "cache")


def test_what_was_added_is_found_under_its_key_alone(cache):
    place = cache.add(KEY, writer())
    assert cache.find(KEY) == place
    assert (place / "model.xml").read_bytes() == b"program"
    assert cache.find({**KEY, "network": "other"}) is None


def test_nothing_is_made_before_something_is_added(cache):
    assert cache.find(KEY) is None and cache.entries() == [] and cache.clear() == 0
    assert not cache.folder.exists()


@pytest.mark.parametrize("file", ["model.xml", "model.bin", "about.json"])
@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b"", lambda b: b"x" + b[1:], None])
def test_a_damaged_program_is_removed(cache, file, damage):
    damaged = cache.add(KEY, writer()) / file
    if damage is None:
        damaged.unlink()
    else:
        damaged.write_bytes(damage(damaged.read_bytes()))
    assert cache.find(KEY) is None
    assert cache.find(KEY) is None
    assert cache.add(KEY, writer()) == cache.find(KEY)


def test_what_fails_half_way_leaves_nothing(cache):
    def fail(folder: Path) -> None:
        writer()(folder)
        raise KeyError

    with pytest.raises(KeyError):
        cache.add(KEY, fail)
    assert list(cache.folder.iterdir()) == []


def test_processes_that_add_the_same_program_do_not_disturb_each_other(cache):
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=add_slowly, args=(cache.folder, bytes([n]) * 99)) for n in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    assert len(list(cache.folder.iterdir())) == 1
    content = {(cache.find(KEY) / "model.xml").read_bytes(), (cache.find(KEY) / "model.bin").read_bytes()[:99]}
    assert len(content) == 1


def test_the_longest_unused_make_room(tmp_path):
    cache = Cache(tmp_path, limit=25_000)
    for number in range(3):
        place = cache.add({**KEY, "number": number}, writer())
        os.utime(place / "about.json", (number, number))
    cache.in_use.clear()
    cache.find({**KEY, "number": 0})
    cache.add({**KEY, "number": 3}, writer())
    assert sorted(entry.about["number"] for entry in cache.entries()) == [0, 2, 3]


def test_a_program_larger_than_the_limit_is_kept_alone(tmp_path):
    cache = Cache(tmp_path, limit=10)
    cache.add(KEY, writer())
    cache.in_use.clear()
    place = cache.add({**KEY, "number": 1}, writer())
    assert [entry.folder for entry in cache.entries()] == [place]


def test_what_is_in_use_stays(tmp_path):
    cache = Cache(tmp_path, limit=10)
    weights = cache.add(KEY, writer())
    cache.add({**KEY, "number": 1}, writer())
    assert cache.find(KEY) == weights and len(cache.entries()) == 2


@pytest.mark.parametrize("given", ["much", "", "-1", "nan", "20GB"])
def test_a_limit_that_is_no_number_is_refused(monkeypatch, given):
    monkeypatch.setenv("PPT2V_CACHE_GB", given)
    with pytest.raises(InputError, match=f"PPT2V_CACHE_GB='{given}': give the gigabytes"):
        Cache()


def test_clearing_leaves_other_files_alone(cache):
    place = cache.add(KEY, writer())
    size = sum(file.stat().st_size for file in place.iterdir())
    (cache.folder / ".new-killed").mkdir()
    (cache.folder / "thesis.txt").touch()
    assert cache.clear() == size
    assert [file.name for file in cache.folder.iterdir()] == ["thesis.txt"]


def test_what_was_abandoned_long_ago_is_removed(cache):
    for name, age in (("old", 90_000), ("new", 60)):
        folder = cache.folder / f".new-{name}"
        folder.mkdir(parents=True)
        os.utime(folder, (time.time() - age,) * 2)
    cache.add(KEY, writer())
    assert [folder.name for folder in cache.folder.glob(".new-*")] == [".new-new"]


def test_fingerprints_tell_files_apart(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_BLOCK", 4)
    contents = [b"", b"a", b"b", bytes(1000), bytes(1001), b"x" + bytes(999), bytes(999) + b"x"]
    contents.append(bytes(1000 // 16 * 7) + b"x" + bytes(1000 - 1000 // 16 * 7 - 1))
    for number, content in enumerate(contents):
        (tmp_path / str(number)).write_bytes(content)
    assert len({fingerprint(tmp_path / str(number)) for number in range(len(contents))}) == len(contents)


def test_the_environment_decides_on_folder_and_limit(tmp_path, monkeypatch):
    monkeypatch.delenv("PPT2V_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert Cache().folder == tmp_path / "ppt2v" / "engines"
    monkeypatch.setenv("PPT2V_CACHE", str(tmp_path / "own"))
    monkeypatch.setenv("PPT2V_CACHE_GB", "1.5")
    assert (Cache().folder, Cache().limit) == (tmp_path / "own", 1.5e9)


def test_what_is_said_once_a_day_is_said_again_the_day_after(tmp_path, monkeypatch):
    monkeypatch.setenv("PPT2V_CACHE", str(tmp_path / "cache"))
    assert module.first_of_the_day("notice") and not module.first_of_the_day("notice")
    assert module.first_of_the_day("another")
    os.utime(tmp_path / "cache" / ".notice", (time.time() - 86401,) * 2)
    assert module.first_of_the_day("notice")
    assert Cache().entries() == [] and Cache().clear() == 0


def test_where_nothing_can_be_kept_it_is_said_each_time(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("PPT2V_CACHE", str(tmp_path / "file" / "cache"))
    assert module.first_of_the_day("notice") and module.first_of_the_day("notice")
