"""How a test kills a run."""

from __future__ import annotations

from collections import Counter


class Killed(BaseException):
    """What ends a run from inside, past all that it would catch."""


def kill_at(call: int):
    """A progress callback that ends the run at its ``call``-th call."""
    calls = Counter()

    def progress(done: int, total: int) -> None:
        calls["made"] += 1
        if calls["made"] == call:
            raise Killed

    return progress
