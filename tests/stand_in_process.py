"""A stand-in for ``ppt2v.Model`` in a process of its own, which its jobs can take down."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np
from stand_in_model import VIDEO

from ppt2v.errors import InputError
from ppt2v.progress import Progress

STEPS = 3
MAP = np.ones((2, 8, 8, 3), np.uint8)


class Unsendable(Exception):
    """Cannot be made again from what is pickled of it."""

    def __init__(self, one, other):
        super().__init__("of two parts")


class StandInProcess:
    """Writes ``VIDEO`` where it is told to, and a line for each run, with its process, into ``runs``.

    The prompts "die", "die once", "fail", "unsendable" and "wait", which waits for the file ``go``, are meant.

    Args:
        folder: of these files.
        pause: seconds that a step takes.
    """

    def __init__(self, folder: Path, pause: float = 0.0):
        self.folder, self.pause = folder, pause

    def run(self, mode: str, callback=None, **given) -> str:
        prompt, target = given["prompt"], Path(given["save_path"])
        before = self.runs()
        with (self.folder / "runs").open("a") as file:
            file.write(f"{os.getpid()} {target.parent.name}\n")
        for step in range(STEPS + 1):
            callback(Progress("Denoising", step, STEPS, lambda: np.full((8, 8, 3), step, np.uint8), control_map=MAP))
            while prompt == "wait" and step == 1 and not (self.folder / "go").exists():
                time.sleep(0.01)
            time.sleep(self.pause)
        if prompt == "die" or (prompt == "die once" and target.parent.name not in [id for _, id in before]):
            os.kill(os.getpid(), signal.SIGKILL)
        if prompt == "fail":
            raise InputError("E-CLIP-MISSING", "{path} does not exist: give a video file", path="a.mp4")
        if prompt == "unsendable":
            raise Unsendable(1, 2)
        target.write_bytes(VIDEO)
        return str(target)

    def runs(self) -> list[tuple[int, str]]:
        """The process and the job of each run so far."""
        file = self.folder / "runs"
        lines = file.read_text().splitlines() if file.exists() else []
        return [(int(process), id) for process, id in map(str.split, lines)]
