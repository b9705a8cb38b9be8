"""A stand-in for ``ppt2v.Model`` that makes no video and takes no time, for tests of what is around it."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np

from ppt2v.progress import Progress

STEPS = 4
VIDEO = b"stands for a video"


class StandInModel:
    """Writes ``VIDEO`` where it is told to; waits before each step while ``go`` is clear.

    Args:
        failure: raised in the middle of a run whose prompt is "fail".
    """

    def __init__(self, failure: Exception | None = None):
        self.runs: list[tuple[str, dict]] = []
        self.failure = failure
        self.go = threading.Event()
        self.go.set()
        self.working = threading.Lock()

    def run(self, mode: str, callback=None, **given) -> str:
        assert self.working.acquire(blocking=False), "two runs at once"
        try:
            self.runs.append((mode, given))
            for step in range(STEPS + 1):
                if callback:
                    callback(Progress("Denoising", step, STEPS, lambda: np.zeros((8, 8, 3), np.uint8)))
                self.go.wait()
            if self.failure and given["prompt"] == "fail":
                raise self.failure
            Path(given["save_path"]).write_bytes(VIDEO)
            return str(given["save_path"])
        finally:
            self.working.release()
