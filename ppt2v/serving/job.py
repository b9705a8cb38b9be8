"""A job of the queue, and the file that keeps the jobs over a restart."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ppt2v.errors import InputError
from ppt2v.language import Message, words

if TYPE_CHECKING:
    import numpy as np


QUEUED, RUNNING, DONE, FAILED, CANCELLED = "queued", "running", "done", "failed", "cancelled"
STATES = (QUEUED, RUNNING, DONE, FAILED, CANCELLED)


@dataclass(frozen=True)
class Job:
    """What was asked for and how far it is; a picture of a moment, which does not change.

    Args:
        id: 32 hexadecimal digits.
        mode: name of a row of ``MODES``.
        values: its parameters, with the seed that makes the same video again.
        advice: what the person should know of them; not kept over a restart.
        state: one of ``STATES``.
        submitted, started, ended: seconds since 1970.
        path: of the video, once the job is done.
        error: for the person, once the job has failed.
        starts: how often it was begun.
        webhook, client, priority: as of ``Terms``.
        stage, done, total: as in ``progress.Progress``.
        stage_began, reported: seconds since 1970.
        preview: the first frame as ``progress.Progress`` gives it.
        control_map: as in ``progress.Progress``, while the job runs; with several kinds the first, the mode's own.
    """

    id: str
    mode: str
    values: dict[str, Any]
    advice: tuple[Message, ...] = ()
    state: str = QUEUED
    submitted: float = field(default_factory=time.time)
    started: float | None = None
    ended: float | None = None
    path: Path | None = None
    error: Message | None = None
    starts: int = 0
    webhook: str | None = None
    client: str | None = None
    priority: int = 0
    stage: str | None = None
    done: int = 0
    total: int | None = None
    stage_began: float = 0.0
    reported: float = 0.0
    preview: np.ndarray | None = field(default=None, repr=False, compare=False)
    control_map: np.ndarray | None = field(default=None, repr=False, compare=False)

    @property
    def finished(self) -> bool:
        """Whether nothing more happens to it."""
        return self.state in (DONE, FAILED, CANCELLED)

    @property
    def remaining(self) -> float | None:
        """Seconds that its stage still takes, at the pace so far; None where that cannot be said."""
        if self.state != RUNNING or not self.done or self.total is None:
            return None
        return (self.reported - self.stage_began) / self.done * (self.total - self.done)


class Terms(NamedTuple):
    """On which a job is asked for.

    Args:
        webhook: where it is to be reported to once it is finished (``webhooks``); None: nowhere.
        client: who asks, among whom turns are taken; None: one who is not told from others.
        priority: those of a higher one go first.
    """

    webhook: str | None = None
    client: str | None = None
    priority: int = 0


_TABLE = """CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, mode TEXT NOT NULL, vals TEXT NOT NULL, state TEXT NOT NULL, submitted REAL NOT NULL,
    started REAL, ended REAL, path TEXT, error TEXT, starts INTEGER NOT NULL)"""
# Which files that an earlier version wrote may lack.
_LATER = {"webhook": "TEXT", "client": "TEXT", "priority": "INTEGER NOT NULL DEFAULT 0"}


class Store:
    """The jobs in a file (SQLite); to be used by one thread at a time.

    Args:
        folder: where the file is; paths of videos are kept relative to it.

    Raises:
        InputError: another process uses the file, or it is something else.
    """

    def __init__(self, folder: Path):
        self.folder, file = folder, folder / "jobs.sqlite"
        self._connection = sqlite3.connect(str(file), timeout=0, check_same_thread=False, isolation_level=None)
        try:
            # Kept until the end: two queues over the same folder would run the same jobs.
            self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._connection.execute("BEGIN EXCLUSIVE")
            self._connection.execute(_TABLE)
            there = {column for _, column, *_ in self._connection.execute("PRAGMA table_info (jobs)")}
            for column, kind in _LATER.items():
                if column not in there:
                    self._connection.execute(f"ALTER TABLE jobs ADD COLUMN {column} {kind}")
            self._connection.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            self._connection.close()
            in_use = "locked" in str(error)
            why = words("is in use by another ppt2v") if in_use else words("cannot be used ({reason})", reason=error)
            raise InputError("E-JOBS-FILE", "{file} {why}; choose another folder", file=file, why=why) from None

    def jobs(self) -> list[Job]:
        """All of them, the oldest first."""
        rows = self._connection.execute("SELECT * FROM jobs ORDER BY submitted, rowid")
        names = [column[0] for column in rows.description]
        return [self._job(dict(zip(names, row))) for row in rows]

    def add(self, jobs: Sequence[Job]) -> None:
        """Keeps all of these, or none."""
        self._connection.execute("BEGIN")
        with self._connection:
            for job in jobs:
                self.save(job)

    def delete(self, id: str) -> None:
        """Keeps a job no longer."""
        self._connection.execute("DELETE FROM jobs WHERE id = ?", (id,))

    def save(self, job: Job) -> None:
        """Keeps a job as it is; its progress is not kept."""
        path = None if job.path is None else str(job.path.relative_to(self.folder))
        self._connection.execute(
            "INSERT OR REPLACE INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                job.id,
                job.mode,
                json.dumps(job.values),
                job.state,
                job.submitted,
                job.started,
                job.ended,
                path,
                None if job.error is None else json.dumps(job.error.as_json()),
                job.starts,
                job.webhook,
                job.client,
                job.priority,
            ),
        )

    def close(self) -> None:
        """Lets others use the file."""
        self._connection.close()

    def _job(self, row: dict[str, Any]) -> Job:
        values, path, error = json.loads(row.pop("vals")), row.pop("path"), _error(row.pop("error"))
        return Job(**row, values=values, path=None if path is None else self.folder / path, error=error)


def _error(kept: str | None) -> Message | None:
    """The message that was kept as JSON; earlier versions kept a text."""
    if kept is None:
        return None
    return Message.of_json(json.loads(kept)) if kept.startswith('{"code"') else words("{reason}", reason=kept)
