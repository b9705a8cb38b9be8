"""A small disk that can be filled and emptied."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PIECE = 2**12  # bytes


class Disk:
    """A file system of its own at a folder."""

    def __init__(self, folder: Path):
        self.folder, self._filler = folder, folder / ".filler"

    def fill(self, but: int = 0) -> None:
        """Takes all room but so many bytes."""
        with open(self._filler, "ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"\0" * 2**20)
        with open(self._filler, "ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"\0" * _PIECE)

        os.truncate(self._filler, self._filler.stat().st_size - but)

    def empty(self) -> None:
        """Gives it back."""
        self._filler.unlink(missing_ok=True)


@contextmanager
def small_disk(folder: Path, megabytes: int = 1) -> Iterator[Disk]:
    """Mounts one there (tmpfs), which needs the rights of root."""
    folder.mkdir(exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if mounted.returncode:
        raise PermissionError(f"no disk can be mounted: {mounted.stderr.strip()}")
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def quota(most: int = 0) -> Iterator[None]:
    """Lets this process, and those that it begins, write no file beyond so many bytes, without any rights."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def can_mount() -> bool:
    """Whether this process may mount a disk."""
    if os.geteuid():
        return False
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        try:
            with small_disk(Path(folder) / "disk"):
                return True
        except (OSError, subprocess.CalledProcessError):
            return False
