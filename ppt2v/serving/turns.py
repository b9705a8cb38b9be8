"""Whose turn it is: which of the jobs that wait comes next, and who makes its video."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterable

from ppt2v.modes import MODES
from ppt2v.parameters import holding

from .job import QUEUED, RUNNING, Job
from .makers import Maker


class Seat:
    """One of those who make videos: which job it has, and what its last job has loaded.

    Args:
        maker: makes one video after the other.
    """

    def __init__(self, maker: Maker):
        self.maker = maker
        self.job: str | None = None  # its id
        self.loaded: tuple[str, ...] | None = None
        self.free_since = 0.0
        self.waits = False  # for a new worker
        self._losses = 0

    def take(self, job: Job) -> None:
        """Begins with a job."""
        self.job, self.loaded, self._losses = job.id, loads(job), self.maker.losses

    @property
    def has_lost(self) -> bool:
        """Whether a worker was lost since it took its job."""
        return self.maker.losses != self._losses

    def leave(self) -> None:
        """Is free again; a new worker has loaded nothing."""
        self.job, self.waits, self.free_since = None, False, time.monotonic()
        if self.has_lost:
            self.loaded = None


def loads(job: Job) -> tuple[str, ...]:
    """What a job loads: its model, and what changes that."""
    row = MODES[job.mode]
    names = ("model_name", *holding(row.parameters, "adapter"))
    return tuple(str(job.values.get(name, row.default(name))) for name in names)


def in_order(jobs: Collection[Job]) -> list[Job]:
    """The jobs that wait, the next one first.

    Those of the highest priority come first. Among these clients take turns: it is the turn of the one that has the
    fewest jobs before it, running ones too, then of the one that has not had its turn for the longest time. A client's
    own jobs keep their order.

    Args:
        jobs: all, in the order in which they came.
    """
    waiting = sorted((job for job in jobs if job.state == QUEUED), key=lambda job: -job.priority)
    before = Counter(job.client for job in jobs if job.state == RUNNING)
    served = _last_turns(jobs) if waiting else {}
    turns = []
    for job in waiting:
        turns.append((-job.priority, before[job.client], served.get(job.client, 0.0)))
        before[job.client] += 1
    return [waiting[index] for index in sorted(range(len(waiting)), key=turns.__getitem__)]


def _last_turns(jobs: Collection[Job]) -> dict[str | None, float]:
    """When each client's last job was begun, in seconds since 1970."""
    turns: dict[str | None, float] = {}
    for job in jobs:
        turns[job.client] = max(turns.get(job.client, 0.0), job.started or 0.0)
    return turns


def taken(waiting: Iterable[Job], seats: Iterable[Seat]) -> list[tuple[Job, Seat]]:
    """Who takes which job: of those who are free the one that has loaded what the job loads, else one that has loaded
    nothing, else the one that has been free for the longest time.

    Args:
        waiting: the next one first.
    """
    free, pairs = [seat for seat in seats if seat.job is None], []
    for job, _ in zip(waiting, tuple(free)):
        asked = loads(job)
        best = min(free, key=lambda seat: (seat.loaded != asked, seat.loaded is not None, seat.free_since))
        free.remove(best)
        pairs.append((job, best))
    return pairs
