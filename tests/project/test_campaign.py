"""A short sample of the campaign, and the campaign itself: it counts, goes on after what ends it, and says so."""

from __future__ import annotations

import time
from random import Random

import pytest

from campaign import conduct, disk
from campaign.__main__ import table
from campaign.groups import GROUPS
from campaign.trial import Group, Trial, expect

SAMPLE = {"commands": 16, "configs": 6, "batches": 6, "models": 12, "requests": 40}
BY_NAME = {group.name: group for group in GROUPS}


@pytest.fixture
def surroundings(monkeypatch, tmp_path):
    """What trials change in their own process is put back."""
    monkeypatch.chdir(tmp_path)
    for name in ("TMPDIR", "HOME", "XDG_CACHE_HOME", "PPT2V_CACHE", "HF_HUB_OFFLINE"):
        monkeypatch.setenv(name, "to be put back")
    monkeypatch.setattr("tempfile.tempdir", None)


@pytest.mark.parametrize("name", SAMPLE)
def test_a_sample_of_bad_input_is_refused(name, tmp_path, surroundings):
    trials = BY_NAME[name].trials(Random(f"sample {name}"), SAMPLE[name], tmp_path)
    failures = {trial.name: failure for trial in trials for failure in [conduct.failure_of(trial.run)] if failure}
    assert not failures


def test_the_campaign_has_as_many_trials_as_it_has_to():
    refused = ("commands", "configs", "batches", "models", "requests")
    assert sum(BY_NAME[name].number for name in refused) >= 1000 and BY_NAME["models"].number >= 400
    assert sum(BY_NAME[name].number for name in BY_NAME if name.startswith("killed")) + 8 - 1 >= 60  # 8 of a service


def stand_in(random: Random, number: int, folder):
    """Trials that go well, fail, raise, end the process and hang it."""
    ways = {
        "well": lambda: None,
        "fails": lambda: expect(False, "as asked"),
        "raises": lambda: 1 / 0,
        "ends": lambda: __import__("os")._exit(3),
        "hangs": lambda: time.sleep(600),
    }
    for index in range(number):
        name = list(ways)[index % len(ways)]
        yield Trial(name, ways[name])


def test_what_ends_or_hangs_the_process_is_a_failure_and_the_rest_goes_on():
    group = Group("stand-in", "that it goes on", 7, 2, stand_in)
    results = list(conduct.conducted(group, 0, 7, time.monotonic() + 600))
    assert [result.failure for result in results] == [
        None,
        "as asked",
        "ZeroDivisionError: division by zero",
        "it ends the process, with code 3",
        "it takes longer than 2 s",
        None,
        "as asked",
    ]
    assert "| all | | 7 | 5 |" in table({"stand-in": results})
    assert not list(conduct.conducted(group, 0, 7, time.monotonic()))


@pytest.mark.skipif(not disk.can_mount(), reason="no disk can be mounted here")
def test_a_small_disk_can_be_filled_and_emptied(tmp_path):
    with disk.small_disk(tmp_path / "disk") as small:
        small.fill()
        with pytest.raises(OSError, match="No space left"):
            (tmp_path / "disk" / "file").write_bytes(b"x" * 5000)
        small.empty()
        (tmp_path / "disk" / "file").write_bytes(b"x" * 5000)
    assert not list((tmp_path / "disk").iterdir())
