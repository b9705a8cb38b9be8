"""Exported programs on disk: one folder each, complete or not there at all."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from ppt2v import unfinished
from ppt2v.errors import InputError

_ABOUT = "about.json"
_NEW = ".new-"  # in front of the names of folders that are being filled
_DAY = 24 * 3600  # seconds
_BLOCK, _BLOCKS = 2**20, 16
DEFAULT_LIMIT_GB = 20


class Entry(NamedTuple):
    """An exported program, or weights that programs share: what it is, the folder or file of the model that it was made
    of, how much room it takes, when it was last used (seconds since 1970).
    """

    folder: Path
    about: dict[str, Any]
    model: str
    size: int
    used: float


def user_cache() -> Path:
    """The user's cache folder, XDG_CACHE_HOME or ~/.cache; for users without a home a path that cannot be written."""
    folder = Path(os.path.expanduser(os.getenv("XDG_CACHE_HOME", "~/.cache")))
    return folder if folder.is_absolute() else Path(os.devnull) / "no home folder"


def default_folder() -> Path:
    """PPT2V_CACHE, else ppt2v/engines in the user's cache folder; it need not exist."""
    usual = user_cache() / "ppt2v" / "engines"
    return Path(os.path.expanduser(os.getenv("PPT2V_CACHE", usual))).absolute()


def first_of_the_day(name: str) -> bool:
    """Whether this is the first call with that name in 24 hours on this machine, as far as the cache can be written."""
    mark = default_folder() / f".{name}"
    with suppress(OSError):
        if abs(time.time() - mark.stat().st_mtime) < _DAY:
            return False
    with suppress(OSError):
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
    return True


def _usual_limit() -> float:
    given = os.getenv("PPT2V_CACHE_GB", str(DEFAULT_LIMIT_GB))
    try:
        limit = float(given)
    except ValueError:
        limit = -1.0
    if not limit >= 0:
        raise InputError(
            "E-CACHE-SIZE",
            "PPT2V_CACHE_GB={given!r}: give the gigabytes that the cache may take, such as 20",
            given=given,
        )
    return limit * 1e9


def fingerprint(file: Path) -> str:
    """Tells the contents of files apart at once, however large they are: by length and evenly spread samples."""
    size = file.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    step = max(_BLOCK, size // _BLOCKS)
    with file.open("rb") as stream:
        for start in [*range(0, size, step), max(0, size - _BLOCK)]:
            stream.seek(start)
            digest.update(stream.read(_BLOCK))
    return digest.hexdigest()


class Cache:
    """A folder of exported programs, shared by concurrent processes; the longest unused ones make room for new ones.

    Args:
        folder: where they are; made when the first one is added.
        limit: bytes that they may take together; what is ``in_use`` stays in any case.

    Attributes:
        in_use: what was found or added and must stay for now; the caller clears it.

    Raises:
        InputError: PPT2V_CACHE_GB is no number of gigabytes.
    """

    def __init__(self, folder: Path | None = None, limit: float | None = None):
        self.folder = folder or default_folder()
        self.limit = _usual_limit() if limit is None else limit
        self.in_use: set[Path] = set()

    def find(self, key: dict[str, Any]) -> Path | None:
        """The folder of the program with that key; one that is damaged is removed."""
        folder = self._place(key)
        if not folder.exists():
            return None
        if not _intact(folder):
            shutil.rmtree(folder, ignore_errors=True)
            return None
        os.utime(folder / _ABOUT)
        self.in_use.add(folder)
        return folder

    def add(self, key: dict[str, Any], write: Callable[[Path], None], model: str = "") -> Path:
        """Lets ``write`` fill a folder, which then becomes that of the key; a program already there stays.

        ``model`` is noted, for people to read.

        Raises:
            OSError: the cache cannot be written to.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        made, place = unfinished.beside(self.folder, _NEW), self._place(key)
        made.mkdir(mode=0o700)
        try:
            write(made)
            files = {file.name: fingerprint(file) for file in sorted(made.iterdir())}
            about = json.dumps({"key": key, "model": model, "files": files}, indent=1)
            (made / _ABOUT).write_text(about, encoding="utf-8")
            _move(made, place)
        finally:
            unfinished.remove(made)
        self.in_use.add(place)
        self._make_room()
        return place

    def entries(self) -> list[Entry]:
        """The programs that are complete, the last used first."""
        found = [_entry(file.parent) for file in self.folder.glob(f"[!.]*/{_ABOUT}")]
        return sorted(filter(None, found), key=lambda entry: -entry.used)

    def clear(self) -> int:
        """Removes all; returns the bytes that have become free."""
        entries = self.entries()
        if self.folder.exists():
            for folder in self.folder.iterdir():
                if (folder / _ABOUT).exists() or folder.name.startswith(_NEW):
                    shutil.rmtree(folder, ignore_errors=True)
        return sum(entry.size for entry in entries)

    def _place(self, key: dict[str, Any]) -> Path:
        return self.folder / hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]

    def _make_room(self) -> None:
        total = 0
        for entry in self.entries():
            total += entry.size
            if total > self.limit and entry.folder not in self.in_use:
                shutil.rmtree(entry.folder, ignore_errors=True)


def _move(made: Path, place: Path) -> None:
    try:
        os.rename(made, place)
    except OSError:
        if not _intact(place):  # otherwise another process was quicker
            raise


def _entry(folder: Path) -> Entry | None:
    try:
        about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        size = sum(file.stat().st_size for file in folder.iterdir())
        return Entry(folder, about["key"], about["model"], size, (folder / _ABOUT).stat().st_mtime)
    except (OSError, ValueError, KeyError):  # damaged, or just being removed by another process
        return None


def _intact(folder: Path) -> bool:
    try:
        files = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))["files"]
        return bool(files) and all(fingerprint(folder / name) == expected for name, expected in files.items())
    except (OSError, ValueError, KeyError, AttributeError):
        return False
