"""A queue of jobs, and those who make their videos."""

from __future__ import annotations

import logging
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ppt2v.errors import Cancelled, DiskFull
from ppt2v.language import Message
from ppt2v.progress import Progress
from ppt2v.request.request import mode as mode_of
from ppt2v.video import make_folder

from . import asking, turns
from .job import CANCELLED, DONE, QUEUED, RUNNING, Job, Store, Terms
from .limits import Limits
from .makers import Maker
from .making import Changes, Making, waiting
from .previews import PreviewWatch

if TYPE_CHECKING:
    import numpy as np

_LOG = logging.getLogger(__name__)
_HOUR, _PAUSE, _BRIEF = 3600, 5, 0.1  # seconds
_SERVICE_STOPPED = Message(
    "E-JOB-STOPPED-TWICE",
    "the service stopped twice while it ran this job, without a step completed in between",
)


class Jobs:
    """The jobs of a folder: each has a folder of its own in it, and a file keeps their list over a restart.

    Jobs that waited then go on waiting. One that was running goes on from its last completed step, to the same video;
    but if its process has died under it twice without a step completed in between, it has failed.

    Args:
        folder: made if it is missing.
        makers: make the videos, each from a thread of its own.
        capacity: most jobs that wait, beside those that run.
        limits: the most that a job may ask for; None: anything, for those who may use the whole machine.
        keep_days: how long finished videos are kept; None: for ever. Their jobs stay in the list.

    ``listeners`` are called with each job that has changed, one change after the other and from any thread; what they
    do has to be brief, and raises nothing.

    Raises:
        InputError: a folder that cannot be made, or that another process uses.
    """

    def __init__(
        self,
        folder: str | Path,
        makers: Sequence[Maker],
        capacity: int = 16,
        limits: Limits | None = Limits(),
        keep_days: float | None = None,
    ):
        self.folder = make_folder(folder)
        self.capacity, self.limits, self.keep_days = capacity, limits, keep_days
        self.seats = [turns.Seat(maker) for maker in makers]
        self.listeners: list[Callable[[Job], None]] = []
        self._changed = threading.Condition()
        self._store, self._making = Store(self.folder), Making(self.folder, limits)
        self._jobs = {job.id: job for job in map(self._after_restart, self._store.jobs())}
        self._cancelled: set[str] = set()
        self._closed = False
        self._threads = [
            threading.Thread(target=self._work, args=(seat,), name=f"ppt2v jobs {number}", daemon=True)
            for number, seat in enumerate(self.seats, 1)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, mode: str, values: Mapping[str, Any], terms: Terms = Terms()) -> Job:
        """Takes a job on; the rest is as for ``submit_all``."""
        return self.submit_all(mode, [values], terms)[0]

    def submit_all(self, mode: str, each: Sequence[Mapping[str, Any]], terms: Terms = Terms()) -> list[Job]:
        """Takes all of these jobs on, or none.

        Args:
            mode: name of a row of ``MODES``.
            each: parameters of each job, but for ``save_path`` and ``checkpoint_dir``; None counts as not given.
            terms: of all of them.

        Raises:
            InputError: what ``Model.run`` would refuse before it loads a model, or what is beyond the limits.
            QueueFull: no more can wait.
            DiskFull: there is not the room for another video.
        """
        jobs = [asking.job(mode_of(mode), values, terms, self.folder, self.limits) for values in each]
        self.check_disk()
        with self._changed:
            asking.check_capacity(len(self.places()), len(jobs), self.capacity)
            try:
                self._store.add(jobs)
            except sqlite3.OperationalError as error:
                raise DiskFull from error
            for job in jobs:
                self._set(job)
            return jobs

    def check_disk(self) -> None:
        """Raises DiskFull where too little room is left (``Limits.free_mb``), also for the frames of clips."""
        if self.limits is not None:
            asking.check_room(self.folder, self.limits)

    def all(self) -> list[Job]:
        """Every job, the oldest first."""
        with self._changed:
            return list(self._jobs.values())

    def get(self, id: str) -> Job:
        """How a job stands now; KeyError where there is none of that id."""
        with self._changed:
            return self._jobs[id]

    def cancel(self, id: str) -> Job:
        """Stops a job: at once if it waits, at its next step if it runs, not at all if it is finished. KeyError as
        for ``get``."""
        with self._changed:
            job = self._jobs[id]
            if job.state == QUEUED:
                self._note(replace(job, state=CANCELLED, ended=time.time()))
            elif job.state == RUNNING:
                self._cancelled.add(id)
            return self._jobs[id]

    def delete(self, id: str) -> bool:
        """Takes a finished job from the list and its video from the disk; False where it is not finished. KeyError as
        for ``get``."""
        with self._changed:
            if not self._jobs[id].finished:
                return False
            if (self.folder / id).exists():
                shutil.rmtree(self.folder / id)
            self._store.delete(id)
            del self._jobs[id]
            return True

    def places(self) -> dict[str, int]:
        """The place in the queue of each job that waits, by its id; 1 is the next to run."""
        with self._changed:
            return {job.id: place for place, job in enumerate(turns.in_order(self._jobs.values()), 1)}

    @property
    def alive(self) -> bool:
        """Whether jobs have their turn."""
        return all(thread.is_alive() for thread in self._threads)

    def wait(self, id: str, timeout: float | None = None, until: Callable[[Job], bool] = attrgetter("finished")) -> Job:
        """The job as it stands once ``until`` holds, after ``timeout`` seconds, or when the queue is closed. KeyError
        as for ``get``."""
        with self._changed:
            self._changed.wait_for(lambda: until(self._jobs[id]) or self._closed, timeout)
            return self._jobs[id]

    def close(self) -> None:
        """Stops at the next step; what is not finished goes on when the folder is opened again."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread, seat in zip(self._threads, self.seats):
            while thread.is_alive() and not seat.waits:  # which may be for ever
                thread.join(_BRIEF)
        self._store.close()

    def _after_restart(self, job: Job) -> Job:
        if job.state == RUNNING:
            job = replace(job, **self._making.again(job, _SERVICE_STOPPED))
            self._keep(job)
        return job

    def _set(self, job: Job) -> None:
        self._jobs[job.id] = job
        self._changed.notify_all()
        for listener in tuple(self.listeners):
            listener(job)

    def _note(self, job: Job) -> None:
        """Puts a job that goes on even where its state cannot be kept."""
        self._set(job)
        self._keep(job)

    def _keep(self, job: Job) -> None:
        """Where the disk is full a restart will not know of the job's state, but the others have their turn."""
        try:
            self._store.save(job)
        except sqlite3.OperationalError as error:
            _LOG.error("job %s: its state %s could not be kept: %s", job.id, job.state, error)

    def _work(self, seat: turns.Seat) -> None:
        while True:
            with self._changed:
                self._delete_old()
                self._changed.wait_for(lambda: self._closed or self._next(seat) is not None, timeout=_HOUR)
                if self._closed:
                    return
                job = self._next(seat)
                if job is None:
                    continue
                job = replace(job, state=RUNNING, started=time.time(), starts=job.starts + 1, stage="Preparing")
                seat.take(job)
                self._note(job)
            ended = self._run(seat, job)
            with self._changed:
                if ended["state"] == QUEUED and job.id in self._cancelled:  # its worker was lost first
                    ended = self._making.end(job, CANCELLED)
                self._cancelled.discard(job.id)
                self._note(replace(self._jobs[job.id], preview=None, control_map=None, **ended))
            self._make_free(seat)

    def _make_free(self, seat: turns.Seat) -> None:
        """Waits for another worker first where it was lost: others can take jobs meanwhile."""
        seat.waits = seat.has_lost
        while seat.has_lost and not self._closed and not seat.maker.ready():
            with self._changed:
                self._changed.wait_for(lambda: self._closed, timeout=_PAUSE)
        with self._changed:
            seat.leave()
            self._changed.notify_all()

    def _next(self, seat: turns.Seat) -> Job | None:
        """The job that a free seat is to take, if any."""
        pairs = turns.taken(turns.in_order(self._jobs.values()), self.seats)
        return next((job for job, taking in pairs if taking is seat), None)

    def _delete_old(self) -> None:
        """Deletes the videos that have been kept long enough."""
        if self.keep_days is None:
            return
        latest = time.time() - self.keep_days * 24 * _HOUR
        for job in self._jobs.values():
            if job.state == DONE and job.ended <= latest:
                shutil.rmtree(self.folder / job.id, ignore_errors=True)

    def _run(self, seat: turns.Seat, job: Job) -> Changes:
        """Makes the video of a job; what has become of it."""
        try:
            return self._making.make(job, seat.maker, PreviewWatch(partial(self._report, job.id)))
        except Cancelled:
            if self._closed and job.id not in self._cancelled:
                return waiting(job.starts - 1)
            return self._making.end(job, CANCELLED)

    def _report(self, id: str, progress: Progress, preview: np.ndarray | None = None) -> None:
        """Notes how far a job is.

        Raises:
            Cancelled: it is to stop.
        """
        with self._changed:
            if id in self._cancelled or self._closed:
                raise Cancelled
            job, now = self._jobs[id], time.time()
            began = job.stage_began if progress.stage == job.stage else now
            self._set(
                replace(
                    job,
                    stage=progress.stage,
                    done=progress.done,
                    total=progress.total,
                    stage_began=began,
                    reported=now,
                    preview=job.preview if preview is None else preview,
                    control_map=progress.control_map if job.control_map is None else job.control_map,
                )
            )
