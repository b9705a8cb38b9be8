"""The clips that clients upload to a service."""

from __future__ import annotations

import asyncio
import errno
import re
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from starlette.concurrency import run_in_threadpool

from ppt2v.errors import DiskFull, InputError

from .limits import Limits

if TYPE_CHECKING:
    from ppt2v.video import Facts

_ID = re.compile("[0-9a-f]{32}")
_HOUR, _DAY = 3600, 86400  # seconds


class Kept(NamedTuple):
    """A clip that was kept: the id by which it is found, and what it is."""

    id: str
    facts: Facts


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
        for part in folder.glob("*.part"):  # of a service that was killed; its queue lets no other use the folder
            part.unlink(missing_ok=True)

    def path(self, id: str) -> Path:
        """The file of a clip; InputError where there is none of that id."""
        path = self.folder / id
        if not _ID.fullmatch(id) or not path.is_file():
            raise InputError(
                "E-UPLOAD-UNKNOWN", "there is no clip {id!r}: upload it first, and give the id that is answered", id=id
            )
        return path

    def delete(self, id: str) -> bool:
        """Deletes a clip; False where there is none of that id."""
        try:
            self.path(id).unlink()
        except (InputError, FileNotFoundError):
            return False
        return True

    async def keep(self, pieces: AsyncIterator[bytes]) -> Kept:
        """Keeps a clip whose bytes come piece by piece; on any exception nothing is left of it.

        Raises:
            InputError: at the end, what came is no clip, or too large a one (``Limits.check_clip``).
            DiskFull: there is no room for it.
        """
        id = uuid.uuid4().hex
        part = self.folder / f"{id}.part"
        try:
            with full_disk_told():
                with await run_in_threadpool(part.open, "wb") as file:
                    async for piece in pieces:
                        await run_in_threadpool(file.write, piece)
                facts = await run_in_threadpool(self._checked, part)
                part.rename(self.folder / id)
        finally:
            part.unlink(missing_ok=True)
        return Kept(id, facts)

    def delete_old(self) -> None:
        """Deletes the clips that have been kept long enough."""
        if self.keep_days is None:
            return
        latest = time.time() - self.keep_days * _DAY
        for file in self.folder.iterdir():
            with suppress(FileNotFoundError):  # a part that has become a clip, or was refused
                if file.stat().st_mtime <= latest:
                    file.unlink()

    def _checked(self, part: Path) -> Facts:
        try:
            return self.limits.check_clip(part)
        except InputError as error:
            raise InputError.of(error.message.changed(lambda text: text.replace(str(part), "the upload"))) from None


@contextmanager
def full_disk_told() -> Iterator[None]:
    """Raises DiskFull where the system says that there is no room."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull from error
        raise


@asynccontextmanager
async def kept_tidy(clips: Clips) -> AsyncIterator[None]:
    """Deletes the old clips now, and every hour within the block."""

    async def tidy() -> None:
        while True:
            await run_in_threadpool(clips.delete_old)
            await asyncio.sleep(_HOUR)

    task = asyncio.create_task(tidy())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
