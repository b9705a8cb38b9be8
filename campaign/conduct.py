"""Conducts a group's trials in a process of their own, which is replaced where a trial ends or hangs it."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing import connection, get_context
from pathlib import Path
from random import Random
from typing import NamedTuple

from ppt2v.batch.parent import end_with_parent

from .trial import Group


class Result(NamedTuple):
    """What a trial came to; ``failure`` says in what the product fell short."""

    group: str
    trial: str
    seconds: float
    failure: str | None


def conducted(group: Group, seed: int, number: int, latest: float) -> Iterator[Result]:
    """The results of the trials, as they come.

    Args:
        latest: by ``time.monotonic``; trials that have not begun by then are left out.
    """
    done = 0
    while done < number and time.monotonic() < latest:
        folder = Path(tempfile.mkdtemp(prefix="ppt2v-campaign-"))
        ours, theirs = get_context("spawn").Pipe()
        child = get_context("spawn").Process(target=_work, args=(theirs, group.name, seed, number, done, folder))
        child.start()
        theirs.close()
        try:
            for result in _results(group, ours, child, latest):
                done += 1
                yield result
        finally:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.join()
            shutil.rmtree(folder, ignore_errors=True)


def _results(group: Group, pipe: connection.Connection, child, latest: float) -> Iterator[Result]:
    """Those of one child, until it is done, lost, or out of time."""
    while time.monotonic() < latest:
        began, trial = time.monotonic(), "before the first trial"
        try:
            trial = pipe.recv()
            if trial is None:
                return
            answered = pipe.poll(group.limit)
            failure = pipe.recv() if answered else f"it takes longer than {group.limit:g} s"
        except EOFError:
            child.join()
            answered, failure = False, f"it ends the process, with code {child.exitcode}"
        yield Result(group.name, trial, time.monotonic() - began, failure)
        if not answered:
            return


def _work(pipe: connection.Connection, name: str, seed: int, number: int, done: int, folder: Path) -> None:
    from .groups import GROUPS

    os.setsid()
    end_with_parent()
    os.environ["COLUMNS"] = "200"
    group = next(group for group in GROUPS if group.name == name)
    for index, trial in enumerate(group.trials(Random(f"{seed} {name}"), number, folder)):
        if index < done:
            continue
        pipe.send(trial.name)
        pipe.send(failure_of(trial.run))
    pipe.send(None)


def failure_of(run) -> str | None:
    """What a trial has to say; None where all was well."""
    try:
        run()
    except AssertionError as error:
        return str(error) or "an assertion failed"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None
