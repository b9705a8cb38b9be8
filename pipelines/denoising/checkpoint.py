"""Checkpoints of an unfinished run: the latents after the last completed step, and what was asked for."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

import numpy as np

from ppt2v.errors import InputError


class Checkpoint:
    """A folder that holds one unfinished run; a run that finds its own checkpoint goes on from there.

    Args:
        folder: made when the first state is saved.
        settings: all that decides the result, as JSON values. A checkpoint made with others is refused.
        stem: of the file's name.

    Raises:
        InputError: there is a file in the folder's place.
    """

    def __init__(self, folder: str | Path, settings: dict, stem: str = "latents"):
        self.folder, self.settings = Path(folder), settings
        if self.folder.exists() and not self.folder.is_dir():
            raise InputError("E-STATE-FILE", "{folder} is a file: the state of the run needs a folder", folder=folder)
        self._file, self._partial = self.folder / f"{stem}.npz", self.folder / f"{stem}.partial.npz"

    @staticmethod
    def saved_settings(folder: str | Path) -> dict | None:
        """The settings of the run that ``folder`` holds, or None."""
        stored = _read(Path(folder) / "latents.npz")
        return None if stored is None else stored[0]

    @staticmethod
    def saved_at(folder: str | Path) -> float | None:
        """When the last step of the run that ``folder`` holds, in all of its passes, was saved, in seconds since 1970;
        None: there is none."""
        return max((file.stat().st_mtime for file in Path(folder).rglob("latents.npz")), default=None)

    def save(self, **state: np.ndarray | int) -> None:
        """Replaces the saved state; a kill at any moment leaves the old or the new one, never half of one.

        Raises:
            InputError: it cannot be written; the state that was there stays.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            np.savez(self._partial, settings=json.dumps(self.settings), **state)
            os.replace(self._partial, self._file)
        except OSError as error:
            self._partial.unlink(missing_ok=True)
            raise InputError(
                "E-STATE-WRITE",
                "the state of the run cannot be kept in {folder}: {reason}",
                folder=self.folder,
                reason=error.strerror,
            ) from error

    def load(self) -> dict[str, np.ndarray] | None:
        """The saved state, or None where there is none.

        Raises:
            InputError: the checkpoint is damaged, or was made with other settings.
        """
        stored = _read(self._file)
        if stored is None:
            return None
        before, state = stored
        keys = before.keys() | self.settings.keys()
        changed = sorted(key for key in keys if before.get(key) != self.settings.get(key))
        if changed:
            raise InputError(
                "E-STATE-SETTINGS",
                "{folder} holds a run with other settings ({names} differ); repeat those settings to go on with it, "
                "or delete the folder to start again",
                folder=self.folder,
                names=changed,
            )
        return state

    def remove(self) -> None:
        """Deletes the checkpoint, the run being complete, and the folder if nothing else is in it."""
        for file in (self._file, self._partial):
            file.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.folder.rmdir()


def _read(file: Path) -> tuple[dict, dict[str, np.ndarray]] | None:
    """Settings and state."""
    if not file.exists():
        return None
    try:
        with np.load(file, allow_pickle=False) as stored:
            state = {name: stored[name] for name in stored.files}
        return json.loads(str(state.pop("settings"))), state
    except Exception as error:  # zipfile, zlib and numpy each raise their own
        raise InputError(
            "E-STATE-DAMAGED",
            "{file} is damaged ({reason}); delete the folder {folder} to start again",
            file=file,
            reason=error,
            folder=file.parent,
        ) from error
