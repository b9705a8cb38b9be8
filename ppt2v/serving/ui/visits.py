"""The jobs of those who know their ids, which are secrets: a browser keeps those of its visitor."""

from __future__ import annotations

from typing import Any

from ppt2v.serving.job import DONE, RUNNING, Job
from ppt2v.serving.queue import Jobs

from . import panels

_MAPS_KEPT = 16


class Visits:
    """What visitors have asked for. A job goes on whether or not anybody has the page open.

    Args:
        jobs: the queue that all visitors share.
    """

    def __init__(self, jobs: Jobs):
        self.jobs = jobs
        self._maps: dict[str, bytes] = {}

    def known(self, ids: Any) -> list[Job]:
        """The jobs of these ids that there are; the ids come from visitors, and may be anything."""
        jobs = {job.id: job for job in self.jobs.all()}
        return [jobs[id] for id in (ids if isinstance(ids, list) else []) if isinstance(id, str) and id in jobs]

    def finished(self, ids: Any) -> list[Job]:
        """Those that are done, and whose video is still there."""
        return [job for job in self.known(ids) if job.state == DONE and job.path.exists()]

    def latest(self, ids: Any, mode: str) -> Job | None:
        """The one that was asked for last in a mode; None where there is none, or its video is gone."""
        asked = sorted((job for job in self.known(ids) if job.mode == mode), key=lambda job: job.submitted)
        return asked[-1] if asked and (asked[-1].state != DONE or asked[-1].path.exists()) else None

    def ahead(self, job: Job) -> int:
        """How many jobs come before it, those that run included."""
        place = self.jobs.places().get(job.id)
        return 0 if place is None else place - 1 + sum(other.state == RUNNING for other in self.jobs.all())

    def control_map(self, job: Job) -> bytes | None:
        """The control map of a job as a moving picture (WebP); of a finished one, if it was asked for before."""
        if job.id not in self._maps and job.control_map is not None:
            self._maps[job.id] = panels.moving_picture(job.control_map)
            for oldest in list(self._maps)[:-_MAPS_KEPT]:
                self._maps.pop(oldest, None)
        return self._maps.get(job.id)
