"""What killed processes left, and what must stay."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ppt2v import unfinished

MAKE = """
import sys, time
from pathlib import Path
from ppt2v import unfinished
path = unfinished.beside(Path(sys.argv[1]), ".made-", ".part")
path.mkdir() if sys.argv[2] == "folder" else path.touch()
print(path, flush=True)
time.sleep(3600)
"""


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_killed_process_left_goes_and_what_a_running_one_makes_stays(tmp_path, kind):
    command = [sys.executable, "-c", MAKE, str(tmp_path), kind]
    made, process = [], [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for each in process:
        made.append(Path(each.stdout.readline().strip()))
    process[0].kill()
    process[0].wait()
    own = unfinished.beside(tmp_path, ".made-", ".part")
    assert [path.exists() for path in made] == [False, True] and not own.exists()
    own.touch()
    other = unfinished.beside(tmp_path, ".made-", ".part")
    assert own.exists() and other != own
    process[1].kill()
    process[1].wait()


def test_what_is_not_known_to_be_abandoned_stays_for_a_day(tmp_path):
    foreign = [tmp_path / name for name in (".made-0123abcd-1-01234567", ".made-older-form", ".made-", "made-1")]
    for path in foreign:
        path.touch()
    unfinished.beside(tmp_path, ".made-")
    assert all(path.exists() for path in foreign)
    for path in foreign:
        os.utime(path, (time.time() - 2 * 86400,) * 2)
    unfinished.beside(tmp_path, ".made-")
    assert [path.exists() for path in foreign] == [False, False, False, True]


def test_an_earlier_process_of_the_same_number_is_another_one(tmp_path):
    left = tmp_path / f".made-{unfinished._MACHINE}-{os.getpid()}-01234567"
    left.touch()
    unfinished.beside(tmp_path, ".made-")
    assert not left.exists()


def test_links_are_removed_and_not_followed(tmp_path):
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").touch()
    link = tmp_path / f".made-{unfinished._MACHINE}-{os.getpid()}-01234567"
    link.symlink_to(kept)
    unfinished.beside(tmp_path, ".made-")
    assert not link.is_symlink() and (kept / "file").exists()
