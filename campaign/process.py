"""The command line in processes of its own, and ending them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from .trial import expect

_COMMAND = (sys.executable, "-c", "from ppt2v.cli import main; main()")
QUICK = ("--device", "cpu", "--engine", "eager", "--quiet")


def start(arguments: Sequence[object], folder: Path, **variables: str) -> subprocess.Popen:
    """Begins a command in a folder, with a cache beside its files, as the leader of a group of processes."""
    environment = {**os.environ, "PPT2V_CACHE": str(folder / "engines"), "HF_HUB_OFFLINE": "1", **variables}
    return subprocess.Popen(
        [*_COMMAND, *map(str, arguments)],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def run(arguments: Sequence[object], folder: Path, **variables: str) -> str:
    """What a command prints; AssertionError where it fails."""
    process = start(arguments, folder, **variables)
    out, err = process.communicate()
    expect(process.returncode == 0, f"{arguments[0]} ends with {process.returncode}: {err.strip()[-300:]}")
    return out


def refused(arguments: Sequence[object], folder: Path, **variables: str) -> str:
    """The one line with which a command refuses, after notices; AssertionError where it works, or says more."""
    process = start(arguments, folder, **variables)
    _, err = process.communicate()
    lines = err.splitlines()
    expect(process.returncode == 2, f"{arguments[0]} ends with {process.returncode}: {err.strip()[-300:]}")
    told = [line for line in lines if line.startswith("Error: ")]
    expect(len(told) == 1 and lines[-1] == told[0] and "Traceback" not in err, f"it says {lines[:3]}")
    return told[0]


def ended_after(process: subprocess.Popen, seconds: float, number: signal.Signals = signal.SIGKILL) -> str:
    """Ends a process after some time, if it still runs; what it said until then on standard error."""
    try:
        return process.communicate(timeout=seconds)[1]
    except subprocess.TimeoutExpired:
        process.send_signal(number)
        return process.communicate()[1]


def group_of(process: subprocess.Popen) -> list[int]:
    """The living processes of a command's session."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, session = status.read_text().rpartition(")")[2].split()[:4]
        except OSError:  # it has just ended
            continue
        if int(session) == process.pid and state != "Z":
            found.append(int(status.parent.name))
    return found


def wait_until(holds: Callable[[], object], seconds: float, otherwise: str) -> None:
    """Waits; AssertionError where it does not come to hold in time."""
    latest = time.monotonic() + seconds
    while not holds():
        expect(time.monotonic() < latest, otherwise)
        time.sleep(0.05)


def unfinished(folder: Path) -> list[str]:
    """What looks like the unfinished files of a process."""
    found = (path for path in folder.rglob("*") if path.name.endswith((".part", ".partial", ".resume")))
    return sorted(str(path.relative_to(folder)) for path in [*found, *folder.rglob(".new-*")])
