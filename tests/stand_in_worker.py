"""A stand-in for a batch's worker, whose tasks can take it down; for processes of their own to import."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from ppt2v.batch.worker import Result, Task
from ppt2v.language import Message

FAILED = Message("E-ANY", "failed as asked")


class StandInWorker:
    """Writes the number of its threads where it is told to; the prompts "die", "die once" and "wait" are meant.

    Args:
        machine: "folder" is where deaths are noted.
    """

    def __init__(self, machine: dict):
        self.folder = Path(machine["folder"])

    def make(self, task: Task) -> Result:
        deaths = self.folder / f"deaths-{task.number}"
        died = deaths.exists()
        if task.given["prompt"] == "die" or (task.given["prompt"] == "die once" and not died):
            deaths.write_text("again" if died else "once")
            os.kill(os.getpid(), signal.SIGKILL)
        if task.given["prompt"] == "wait":
            (self.folder / f"waits-{task.number}").write_text(str(os.getpid()))
            time.sleep(3600)
        if task.given["prompt"] == "fail":
            return Result(task.number, FAILED)
        Path(task.given["save_path"]).write_text(os.environ["OMP_NUM_THREADS"])
        return Result(task.number, None)
