"""Making the video of a job in a folder of its own, from the last completed step on, and what has become of it."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import time
from pathlib import Path
from typing import Any

from ppt2v.errors import Cancelled, DiskFull, InputError, NumericalError
from ppt2v.language import Message
from ppt2v.pipelines.denoising.checkpoint import Checkpoint
from ppt2v.progress import Watch
from ppt2v.request.request import mode as mode_of

from .job import DONE, FAILED, QUEUED, Job
from .limits import Limits
from .makers import Maker, WorkerLost
from .telling import without_folders

_LOG = logging.getLogger(__name__)
_MOST_STARTS = 2  # a job that has taken its process down twice is likely to be why
_UNFINISHED = "unfinished"  # the folder of a job's checkpoint
_WORKERS_LOST = Message(
    "E-JOB-WORKERS-LOST",
    "two workers were lost over this job, without a step completed in between; most likely it needs more memory than "
    "there is",
)

Changes = dict[str, Any]  # of a job, by its fields


class Making:
    """Makes the videos of the jobs of a queue.

    Args:
        folder: of the queue; each job has one of its own in it.
        limits: of those who are told what went wrong.
    """

    def __init__(self, folder: Path, limits: Limits | None):
        self.folder, self.limits = folder, limits

    def make(self, job: Job, maker: Maker, watch: Watch) -> Changes:
        """Makes the video of a job.

        Raises:
            Cancelled: the watch wants no more of it.
        """
        try:
            return {"state": DONE, "path": self._made(job, maker, watch), "ended": time.time()}
        except WorkerLost as lost:
            if not lost.over_it:
                return waiting(job.starts - 1)
            _LOG.error("job %s (%s): the worker that made it was lost", job.id, job.mode)
            return self.again(job, _WORKERS_LOST)
        except Cancelled:
            raise
        except Exception as error:  # whatever it is, the others have their turn
            return self.end(job, FAILED, self._explained(job, error))

    def again(self, job: Job, why_not: Message) -> Changes:
        """Has an interrupted job go on from its last completed step; if it was begun too often without one, it has
        failed."""
        starts = 0 if self._has_got_on(job) else job.starts
        if starts < _MOST_STARTS:
            return waiting(starts)
        return self.end(job, FAILED, why_not)

    def end(self, job: Job, state: str, error: Message | None = None) -> Changes:
        """Ends a job that has no video, and leaves nothing of it."""
        shutil.rmtree(self.folder / job.id, ignore_errors=True)
        return {"state": state, "error": error, "ended": time.time()}

    def _made(self, job: Job, maker: Maker, watch: Watch) -> Path:
        folder = self.folder / job.id
        files = {
            "save_path": folder / f"video.{job.values.get('save_format') or 'mp4'}",
            "checkpoint_dir": folder / _UNFINISHED,
        }
        folder.mkdir(exist_ok=True)
        files = {name: file for name, file in files.items() if mode_of(job.mode).has(name)}
        return Path(maker.run(job.mode, watch, **job.values, **files))

    def _has_got_on(self, job: Job) -> bool:
        """Whether a step was completed since the job was begun the last time."""
        saved = Checkpoint.saved_at(self.folder / job.id / _UNFINISHED)
        return saved is not None and job.started is not None and saved > job.started

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


def waiting(starts: int) -> Changes:
    """How a job waits again that counts as begun so often."""
    return {"state": QUEUED, "starts": starts, "stage": None, "done": 0, "total": None}
