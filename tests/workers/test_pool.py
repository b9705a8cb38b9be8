"""The queue of workers: who is done first takes the next call, a lost worker's goes to another, parcels stay there."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from ppt2v import InputError
from ppt2v.workers import parcels
from ppt2v.workers.pool import Call, Parcelled, Pool
from ppt2v.workers.processes import Processes


class Calculator:
    """What the processes of these tests do; the first one to be asked to dawdle does."""

    def __init__(self, folder: Path):
        self._folder = folder

    def who(self) -> int:
        return os.getpid()

    def dawdle(self) -> int:
        try:
            (self._folder / "dawdled").touch(exist_ok=False)
        except FileExistsError:
            return os.getpid()
        time.sleep(1)
        return os.getpid()

    def counted(self, length: int) -> Parcelled:
        return Parcelled(length, [None, np.arange(length, dtype=np.float32)])

    def total(self, offset: float, parcel: list) -> float:
        assert not parcel[1].flags.writeable and parcel[1].ctypes.data % 64 == 0
        return offset + float(parcel[1].sum())

    def refuse(self) -> None:
        raise InputError("E-ANY", "refused as asked")

    def fail(self) -> None:
        raise ZeroDivisionError

    def die(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def die_once(self) -> int:
        if not (self._folder / "died").exists():
            (self._folder / "died").touch()
            self.die()
        return os.getpid()


def test_processes_share_the_work_and_its_parcels(tmp_path):
    place = Processes(Calculator, (tmp_path,))
    with Pool(place, 2) as pool:
        first, second = (answer.value for _, answer in pool.of_each("who"))
        assert first != second and os.getpid() not in (first, second)
        dawdled = [pool.ask("dawdle") for _ in range(6)]
        taken = sorted(map([pool.wait(each) for each in dawdled].count, (first, second)))
        assert taken == [1, 5], "who is slow holds one call and no other"
        asked = pool.ask("counted", 5)
        assert pool.wait(asked) == 5
        totals = [pool.ask("total", offset, parcels=[asked.answer.parcel]) for offset in (0.0, 1.0)]
        assert [pool.wait(each) for each in totals] == [10.0, 11.0]
        assert pool.wait(pool.ask("total", 0.5, parcels=[pool.share([None, np.ones(3)])])) == 3.5
        file = asked.answer.parcel.path
        assert file.exists()
        del asked, totals
        assert not file.exists(), "parcels that nobody needs leave the disk"
        with pytest.raises(InputError, match="refused as asked"):
            pool.wait(pool.ask("refuse"))
        with pytest.raises(RuntimeError, match="ZeroDivisionError"):
            pool.wait(pool.ask("fail"))
        assert pool.wait(pool.ask("die_once")) not in (None, os.getpid())
        with pytest.raises(InputError, match="2 workers were lost over it"):
            pool.wait(pool.ask("die"))
        assert pool.wait(pool.ask("who")) != os.getpid(), "others have come in the places of the lost"
        folder = file.parent
    assert not folder.exists()


def test_parcels_keep_what_they_are_given(tmp_path):
    given = {"empty": np.zeros((2, 0, 3), np.float16), "turned": np.arange(6).reshape(2, 3).T, "rest": [None, "a", 1.5]}
    parcels.write(given, tmp_path / "parcel")
    read = parcels.read(tmp_path / "parcel")
    assert read["rest"] == given["rest"]
    for name in ("empty", "turned"):
        assert read[name].dtype == given[name].dtype and np.array_equal(read[name], given[name])


def test_a_parcel_without_room_is_said_and_leaves_nothing(tmp_path, full_disk):
    with full_disk(1000), pytest.raises(InputError, match="has no room in .*: set TMPDIR"):
        parcels.write(np.zeros(10_000), tmp_path / "parcel")
    assert not list(tmp_path.iterdir())


class Seer:
    """Says which GPU it may see."""

    def card(self) -> str | None:
        return os.environ.get("CUDA_VISIBLE_DEVICES")


@pytest.mark.parametrize(("given", "cards"), [(None, ["0", "1"]), ("5,7", ["5", "7"])])
def test_processes_share_out_the_gpus_and_a_lost_ones_is_taken_by_the_next(monkeypatch, given, cards):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if given:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    place = Processes(Seer, graphics=2)
    workers = [place.start() for _ in range(2)]
    workers[1].end()
    workers.append(place.start())
    for worker in (workers[0], workers[2]):
        worker.begin(Call("card"))
    assert [worker.answer().value for worker in (workers[0], workers[2])] == cards
    for worker in workers:
        worker.end()
    place.close()
