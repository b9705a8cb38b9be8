"""The jobs of those who have the page open: made for as long as they wait for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from operator import ne
from typing import Any

from ppt2v.serving.job import DONE, QUEUED, RUNNING, Job
from ppt2v.serving.queue import Jobs


class Visits:
    """Who waits for what. A visit is an open page, known by an id of its own; it may have a job in each mode.

    Args:
        jobs: the queue that all visits share; what is left in it from an earlier service is stopped, being nobody's.
    """

    def __init__(self, jobs: Jobs):
        self.jobs = jobs
        self._running: dict[str, dict[str, str]] = {}  # ids of jobs, by visit and mode
        for job in jobs.all():
            jobs.cancel(job.id)

    def make(self, visit: str, mode: str, values: Mapping[str, Any]) -> Iterator[Job]:
        """Takes a job on and yields it as it goes on, at the end finished; nobody waiting for more stops it.

        Raises:
            InputError, QueueFull, DiskFull: as ``Jobs.submit``.
        """
        job = self.jobs.submit(mode, values)
        self._running.setdefault(visit, {})[mode] = job.id
        try:
            while not job.finished:
                yield job
                job = self.jobs.wait(job.id, timeout=1, until=partial(ne, job))
            yield job
        finally:
            self.jobs.cancel(job.id)  # which leaves a finished one as it is
            self._running.get(visit, {}).pop(mode, None)

    def stop(self, visit: str, mode: str) -> None:
        """Stops the visit's job in a mode, if there is one."""
        job = self._running.get(visit, {}).get(mode)
        if job is not None:
            self.jobs.cancel(job)

    def leave(self, visit: str) -> None:
        """Stops all jobs of a visit."""
        for job in self._running.pop(visit, {}).values():
            self.jobs.cancel(job)

    def ahead(self, job: Job) -> int:
        """How many jobs come before it."""
        return sum(other.state in (QUEUED, RUNNING) and other.submitted < job.submitted for other in self.jobs.all())

    def finished(self, ids: Any) -> list[Job]:
        """Those of the jobs that are done and still there; the ids come from visitors, and may be anything."""
        known = {job.id: job for job in self.jobs.all()}
        found = (known.get(id) for id in (ids if isinstance(ids, list) else []) if isinstance(id, str))
        return [job for job in found if job is not None and job.state == DONE and job.path.exists()]
