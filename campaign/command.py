"""The command line within this process, in folders of its own, with all that it says, writes and takes."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from .trial import expect

MOST_MEMORY, MOST_SECONDS = 300e6, 10  # bytes above the idle process, and processor time, while input is refused
_PLACES = ("work", "temporary", "home")


class Outcome(NamedTuple):
    """How a command ended: exit code, outputs, bytes of memory at its peak above those before, processor time."""

    code: int
    out: str
    err: str
    memory: float
    seconds: float


class Command:
    """Runs commands in a working folder; temporary files, caches and the home folder lie beside it.

    Args:
        folder: where these folders are made; the process moves there.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        for place in _PLACES:
            (folder / place).mkdir(exist_ok=True)
        self.work, temporary, home = (folder / place for place in _PLACES)
        os.environ.update(
            TMPDIR=str(temporary),
            HOME=str(home),
            XDG_CACHE_HOME=str(home / "cache"),
            PPT2V_CACHE=str(folder / "engines"),
            HF_HUB_OFFLINE="1",
        )
        tempfile.tempdir = str(temporary)
        os.chdir(self.work)

    def run(self, arguments: Sequence[str]) -> Outcome:
        """Runs a command; whatever it raises but SystemExit comes out."""
        from ppt2v.cli import main

        out, err, code = io.StringIO(), io.StringIO(), 0
        before, began = _reset_peak(), time.process_time()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), warnings.catch_warnings():
            try:
                main([str(each) for each in arguments])
            except SystemExit as end:
                code = end.code or 0
        return Outcome(code, out.getvalue(), err.getvalue(), _memory("VmHWM") - before, time.process_time() - began)

    def refuses(self, arguments: Sequence[str], some_rows: bool = False) -> None:
        """Tries input that is most likely bad, but may turn out to be good; then the command has to do what it says.

        Args:
            some_rows: whether it may go on after what it refuses, and say so in a table.

        Raises:
            AssertionError: it is refused in another way than with one line and code 2, something is left, or it takes
                too much memory or time.
        """
        before = self._files()
        outcome = self.run(arguments)
        lines = [line for line in outcome.err.splitlines() if line.strip() and not line.startswith("Warning:")]
        if outcome.code == 0 or (some_rows and outcome.code == 1 and " failed" in outcome.out and not lines):
            self._clear(before)
            return
        # Weights that are damaged within themselves may give no numbers, which the networks tell.
        expect(outcome.code in (1, 2), f"exit code {outcome.code}: {lines[-1:]}")
        wrong_usage = bool(lines) and lines[0].startswith("Usage:")
        expect(wrong_usage or len(lines) == 1, f"{len(lines)} lines: {lines[:3]}")
        expect(lines[-1].startswith("Error: "), f"it says {lines[-1][:200]}")
        left = self._files() - before
        self._clear(before)
        expect(not left, f"it leaves {sorted(left)[:3]}")
        expect(outcome.memory <= MOST_MEMORY, f"it takes {outcome.memory / 1e6:.0f} MB more")
        expect(outcome.seconds <= MOST_SECONDS, f"it takes {outcome.seconds:.1f} s of the processor")

    def _files(self) -> set[str]:
        return {str(path) for place in _PLACES for path in (self.folder / place).rglob("*")}

    def _clear(self, before: set[str]) -> None:
        for path in sorted(self._files() - before):
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            elif os.path.lexists(path):
                os.unlink(path)


def _memory(name: str) -> float:
    """Bytes of memory, by their name in /proc; 0 where there is none."""
    with contextlib.suppress(OSError), open("/proc/self/status") as status:
        return next((1024.0 * int(line.split()[1]) for line in status if line.startswith(f"{name}:")), 0.0)
    return 0.0


def _reset_peak() -> float:
    """Bytes of memory now, from which the peak is counted."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _memory("VmRSS")
