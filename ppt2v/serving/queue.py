"""A queue of jobs over one ``Model``, which works on one of them at a time."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ppt2v.errors import Cancelled, DiskFull, InputError, NumericalError
from ppt2v.language import Message
from ppt2v.pipelines.denoising.checkpoint import Checkpoint
from ppt2v.progress import Progress, Watch
from ppt2v.request.request import mode as mode_of
from ppt2v.video import make_folder

from . import asking
from .job import CANCELLED, DONE, FAILED, QUEUED, RUNNING, Job, Store
from .limits import Limits
from .previews import PreviewWatch
from .telling import without_folders

if TYPE_CHECKING:
    import numpy as np

_LOG = logging.getLogger(__name__)
_HOUR = 3600  # seconds
_MOST_STARTS = 2  # a job that has taken the process down twice is likely to be why
_UNFINISHED = "unfinished"  # the folder of a job's checkpoint


class Maker(Protocol):
    """What makes the videos: ``Model``."""

    def run(self, mode: str, callback: Watch | None = None, **given: Any) -> str:
        """Makes a video and returns its path."""


class Jobs:
    """The jobs of a folder: each has a folder of its own in it, and a file keeps their list over a restart.

    Jobs that waited then go on waiting. One that was running goes on from its last completed step, to the same video;
    but if the process has died under it twice without a step completed in between, it has failed.

    Args:
        folder: made if it is missing.
        model: makes the videos, from one thread.
        capacity: most jobs that wait, beside the one that runs.
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
        model: Maker,
        capacity: int = 16,
        limits: Limits | None = Limits(),
        keep_days: float | None = None,
    ):
        self.folder = make_folder(folder)
        self.model, self.capacity, self.limits, self.keep_days = model, capacity, limits, keep_days
        self.listeners: list[Callable[[Job], None]] = []
        self._changed = threading.Condition()
        self._store = Store(self.folder)
        self._jobs = {job.id: job for job in map(self._after_restart, self._store.jobs())}
        self._cancelled: set[str] = set()
        self._closed = False
        self._worker = threading.Thread(target=self._work, name="ppt2v jobs", daemon=True)
        self._worker.start()

    def submit(self, mode: str, values: Mapping[str, Any]) -> Job:
        """Takes a job on; the rest is as for ``submit_all``."""
        return self.submit_all(mode, [values])[0]

    def submit_all(self, mode: str, each: Sequence[Mapping[str, Any]], webhook: str | None = None) -> list[Job]:
        """Takes all of these jobs on, or none.

        Args:
            mode: name of a row of ``MODES``.
            each: parameters of each job, but for ``save_path`` and ``checkpoint_dir``; None counts as not given.
            webhook: as of ``Job``.

        Raises:
            InputError: what ``Model.run`` would refuse before it loads a model, or what is beyond the limits.
            QueueFull: no more can wait.
            DiskFull: there is not the room for another video.
        """
        jobs = [asking.job(mode_of(mode), values, webhook, self.folder, self.limits) for values in each]
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
            waiting = (job.id for job in self._jobs.values() if job.state == QUEUED)
            return {id: place for place, id in enumerate(waiting, 1)}

    @property
    def alive(self) -> bool:
        """Whether jobs have their turn."""
        return self._worker.is_alive()

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
        self._worker.join()
        self._store.close()

    def _after_restart(self, job: Job) -> Job:
        if job.state != RUNNING:
            return job
        starts = 0 if self._has_got_on(job) else job.starts
        if starts < _MOST_STARTS:
            job = replace(job, state=QUEUED, starts=starts)
        else:
            error = Message(
                "E-JOB-STOPPED-TWICE",
                "the service stopped twice while it ran this job, without a step completed in between",
            )
            job = replace(job, state=FAILED, ended=time.time(), error=error)
            shutil.rmtree(self.folder / job.id, ignore_errors=True)
        self._keep(job)
        return job

    def _has_got_on(self, job: Job) -> bool:
        """Whether a step was completed since the job was begun the last time."""
        saved = Checkpoint.saved_at(self.folder / job.id / _UNFINISHED)
        return saved is not None and job.started is not None and saved > job.started

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

    def _work(self) -> None:
        while True:
            with self._changed:
                self._delete_old()
                self._changed.wait_for(lambda: self._closed or self._next() is not None, timeout=_HOUR)
                if self._closed:
                    return
                job = self._next()
                if job is None:
                    continue
                job = replace(job, state=RUNNING, started=time.time(), starts=job.starts + 1, stage="Preparing")
                self._note(job)
            ended = self._run(job)
            with self._changed:
                self._cancelled.discard(job.id)
                self._note(replace(self._jobs[job.id], preview=None, control_map=None, **ended))

    def _delete_old(self) -> None:
        """Deletes the videos that have been kept long enough."""
        if self.keep_days is None:
            return
        latest = time.time() - self.keep_days * 24 * _HOUR
        for job in self._jobs.values():
            if job.state == DONE and job.ended <= latest:
                shutil.rmtree(self.folder / job.id, ignore_errors=True)

    def _next(self) -> Job | None:
        return next((job for job in self._jobs.values() if job.state == QUEUED), None)

    def _run(self, job: Job) -> dict[str, Any]:
        """Makes the video of a job; what has become of it."""
        folder = self.folder / job.id
        files = {
            "save_path": folder / f"video.{job.values.get('save_format') or 'mp4'}",
            "checkpoint_dir": folder / _UNFINISHED,
        }
        try:
            folder.mkdir(exist_ok=True)
            files = {name: file for name, file in files.items() if mode_of(job.mode).has(name)}
            path = self.model.run(job.mode, callback=PreviewWatch(partial(self._report, job.id)), **job.values, **files)
            return {"state": DONE, "path": Path(path), "ended": time.time()}
        except Cancelled:
            if self._closed and job.id not in self._cancelled:
                return {"state": QUEUED, "starts": job.starts - 1, "stage": None}
            ended: dict[str, Any] = {"state": CANCELLED}
        except Exception as error:  # whatever it is, the others have their turn
            ended = {"state": FAILED, "error": self._explained(job, error)}
        shutil.rmtree(folder, ignore_errors=True)
        return {**ended, "ended": time.time()}

    def _explained(self, job: Job, error: Exception) -> Message:
        """What the person is told: nothing of the machine's folders."""
        if isinstance(error, (InputError, NumericalError)):
            message = error.message.changed(lambda text: text.replace(f"{self.folder}{os.sep}", ""))
            at_home = self.limits is None or self.limits.at_home
            return message if at_home else message.changed(without_folders)
        _LOG.error("job %s (%s) failed", job.id, job.mode, exc_info=error)
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            return DiskFull().message
        return Message(
            "E-JOB",
            "something went wrong that should not have; the log of the service says what, under the job's number",
        )

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
