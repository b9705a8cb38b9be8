"""What is measured, and how all sides report it. Free of their packages."""

from __future__ import annotations

import json
import resource
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Thread

import numpy as np

AUTO = "auto"  # the precision that ppt2v takes where none is asked for


@dataclass(frozen=True)
class Work:
    """One piece of work, the same for all sides; ``task`` is text2video, sdxl, canny, pix2pix, animate or unet3d.

    ``model`` is a folder with the model of the task, for canny with its ControlNet in ``controlnet`` and for animate
    with its motion module in ``motion``.
    """

    model: str
    task: str = "text2video"
    frames: int = 8
    steps: int = 10
    size: int = 256
    chunk_size: int = 8
    precision: str = "float32"
    engine: str = "auto"
    merging_ratio: float = 0.0  # of ppt2v alone

    @property
    def argument(self) -> str:
        """For the command line of a worker."""
        return json.dumps(asdict(self))


def given() -> tuple[Work, Path]:
    """A worker's work and the folder that it shares with the other side."""
    return Work(**json.loads(sys.argv[1])), Path(sys.argv[2])


def pictures(frames: int, size: int) -> np.ndarray:
    """The clip that both sides edit, or follow as control maps: uint8 RGB ``[frames, size, size, 3]``."""
    return np.random.default_rng(0).integers(0, 256, (frames, size, size, 3), np.uint8)


def as_clip(latents: np.ndarray) -> np.ndarray:
    """Latents of frames as one clip, the form of diffusers' 3D networks: ``[1, channels, frames, height, width]``."""
    return latents.transpose(1, 0, 2, 3)[None]


def difference(latents: np.ndarray, folder: Path) -> float:
    """The largest by which latents differ from those that ppt2v left in the folder, in standard deviations."""
    return float(np.abs(np.load(folder / "latents.npy") - latents).max() / latents.std())


class Allocated(Thread):
    """Looks again and again at the memory that the process has written to: all but mapped files.

    Attributes:
        peak: in MiB; 0 where the system does not tell (other systems than Linux).
    """

    def __init__(self):
        super().__init__(daemon=True)
        self.peak = 0.0
        self.start()

    def run(self) -> None:
        with suppress(OSError):
            while True:
                lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
                kilobytes = sum(int(line.split()[1]) for line in lines if line.startswith(("RssAnon", "RssShmem")))
                self.peak = max(self.peak, kilobytes / 1024)
                time.sleep(0.05)


_allocated = Allocated()


def report(seconds: float, **more: float | str) -> None:
    """A worker's last line of output."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mb": peak, "allocated_mb": _allocated.peak, **more}))
