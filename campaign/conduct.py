"""Conducts a group's trials in a process of their own, which is replaced where a trial ends or hangs it."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from multiprocessing import connection, get_context
from pathlib import Path
from random import Random
from typing import NamedTuple

from ppt2v.environment.children import end_with_parent

from .trial import Group, Trial

_MOST_MEMORY = 16 * 2**30  # bytes of addresses of a trial's process


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
        child = get_context("spawn").Process(target=_work, args=(theirs, group, seed, number, done, folder))
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


def _work(pipe: connection.Connection, group: Group, seed: int, number: int, done: int, folder: Path) -> None:
    os.setsid()
    end_with_parent()
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))  # a failure must not take the machine down
    with open(os.devnull, "w") as nowhere:  # for what libraries print past Python
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    trials = group.trials(Random(f"{seed} {group.name}"), number, folder)
    for index in range(number):
        try:
            trial = next(trials, None)
        except Exception as error:
            trial = Trial("what is needed for the trials", partial(_raise, error))
        if trial is None:
            break
        if index >= done:
            pipe.send(trial.name)
            pipe.send(failure_of(trial.run))
    pipe.send(None)


def _raise(error: Exception) -> None:
    raise error


def failure_of(run) -> str | None:
    """What a trial has to say; None where all was well."""
    try:
        run()
    except AssertionError as error:
        return str(error) or "an assertion failed"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None
