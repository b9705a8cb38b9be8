"""The clips that strangers upload to a service."""

from __future__ import annotations

import errno
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ppt2v.errors import DiskFull, InputError

from .limits import Limits

if TYPE_CHECKING:
    from ppt2v.video import Facts

_ID = re.compile("[0-9a-f]{32}")


@dataclass
class Upload:
    """A clip on its way: ``file`` takes its bytes; once all are there it is found by its ``id``, and ``facts`` says
    what it is."""

    id: str
    file: BinaryIO
    facts: Facts | None = None


class Clips:
    """A folder of clips, each named by its id; only complete ones that pass the limits have such a name.

    Args:
        folder: made if it is missing.
        limits: what a clip may be.
        keep_days: how long it is kept; None: for ever.
    """

    def __init__(self, folder: Path, limits: Limits, keep_days: float | None = None):
        self.folder, self.limits, self.keep_days = folder, limits, keep_days
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, id: str) -> Path:
        """The file of a clip; InputError where there is none of that id."""
        path = self.folder / id
        if not _ID.fullmatch(id) or not path.is_file():
            raise InputError(f"there is no clip {id!r}: upload it first, and give the id that is answered")
        return path

    @contextmanager
    def upload(self) -> Iterator[Upload]:
        """A new clip, to write in the body of ``with``; on any exception nothing is left of it. Old ones go.

        Raises:
            InputError: at the end, what was written is no clip, or too large a one (``Limits.check_clip``).
            DiskFull: there is no room for it.
        """
        self._delete_old()
        id = uuid.uuid4().hex
        part = self.folder / f"{id}.part"
        try:
            with part.open("wb") as file:
                upload = Upload(id, file)
                yield upload
            upload.facts = self._checked(part)
            part.rename(self.folder / id)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise DiskFull from error
            raise
        finally:
            part.unlink(missing_ok=True)

    def _delete_old(self) -> None:
        if self.keep_days is None:
            return
        latest = time.time() - self.keep_days * 24 * 3600
        for file in self.folder.iterdir():
            if file.stat().st_mtime <= latest:
                file.unlink(missing_ok=True)

    def _checked(self, part: Path) -> Facts:
        try:
            return self.limits.check_clip(part)
        except InputError as error:
            raise InputError(str(error).replace(str(part), "the upload")) from None
