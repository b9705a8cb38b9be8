"""Homes that cannot be written: when PaddleNLP is imported it makes folders in its own, or ends the import."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from ppt2v.cache import user_cache
from ppt2v.errors import InputError

_VARIABLE, _LENT = "PPNLP_HOME", "ppt2v-home-"
_FOLDERS = ("models", "datasets", "packages")  # as paddlenlp/utils/env.py makes them


def can_be_written(folder: str | Path) -> bool:
    """Whether files can be put into a folder, which need not exist."""
    place = Path(folder)
    while not os.path.lexists(place) and place != place.parent:
        place = place.parent
    return place.is_absolute() and os.path.isdir(place) and os.access(place, os.W_OK | os.X_OK)


def lend_home() -> None:
    """Gives PaddleNLP a home for this process where it cannot make its own; one that the user has named counts."""
    if not os.path.isabs(os.path.expanduser("~")):  # else libraries make a folder called ~ in the current one
        os.environ.setdefault("XDG_CACHE_HOME", str(user_cache()))
    home = Path(os.path.expanduser("~/.paddlenlp"))
    if _VARIABLE in os.environ or _suffices(home):
        return
    lent = tempfile.mkdtemp(prefix=_LENT)
    atexit.register(shutil.rmtree, lent, ignore_errors=True)
    os.environ[_VARIABLE] = lent


def check_home() -> None:
    """Refuses a home of PaddleNLP that the user has named and that cannot be written."""
    named = paddlenlp_home()
    if named is not None and not _suffices(Path(named).absolute()):
        raise InputError(
            "E-HOME-READONLY",
            "{variable}={folder} cannot be written, and PaddleNLP needs it: name another folder",
            variable=_VARIABLE,
            folder=named,
        )


def paddlenlp_home() -> str | None:
    """The home that the user has named for PaddleNLP."""
    named = os.environ.get(_VARIABLE)
    return None if named is None or Path(named).name.startswith(_LENT) else named


def _suffices(home: Path) -> bool:
    return all(os.path.isdir(home / folder) for folder in _FOLDERS) or can_be_written(home)
