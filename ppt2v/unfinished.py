"""Names of files and folders on their way, which tell whose they are, so that what killed processes left can go."""

from __future__ import annotations

import os
import platform
import re
import secrets
import shutil
import time
import zlib
from pathlib import Path

_MACHINE = f"{zlib.crc32(platform.node().encode()):08x}"
_OWNER = re.compile(r"([0-9a-f]{8})-(\d+)-[0-9a-f]{8}")
_DAY = 86400  # seconds
_own: set[Path] = set()


def beside(folder: Path, prefix: str, ending: str = "") -> Path:
    """A free path in a folder for what this process makes; what abandoned ones of that prefix and ending left goes."""
    _remove_abandoned(folder, prefix, ending)
    path = folder / f"{prefix}{_MACHINE}-{os.getpid()}-{secrets.token_hex(4)}{ending}"
    _own.add(path)
    return path


def remove(path: Path) -> None:
    """Removes what is there, if anything; what cannot be removed stays."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
    _own.discard(path)


def _remove_abandoned(folder: Path, prefix: str, ending: str) -> None:
    for path in folder.glob(f"{prefix}*{ending}"):
        try:
            if path not in _own and _is_abandoned(path, path.name[len(prefix) :].removesuffix(ending)):
                remove(path)
        except OSError:  # another process was quicker, or it is not ours to remove
            continue


def _is_abandoned(path: Path, owner: str) -> bool:
    """Whether its process, if it ran on this machine, has ended; of other machines, whether it is a day old."""
    named = _OWNER.fullmatch(owner)
    if named and named[1] == _MACHINE and not _runs(int(named[2])):
        return True
    return time.time() - path.stat().st_mtime > _DAY


def _runs(process: int) -> bool:
    if process == os.getpid():  # which has that of one before it, as the first one of a container has
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is another user's
        return True
    return True
