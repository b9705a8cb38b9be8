"""From what a client asks for to a job: its values checked, its seed drawn, the room for it there."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ppt2v.errors import DiskFull, InputError, QueueFull
from ppt2v.modes import Mode
from ppt2v.parameters import holding
from ppt2v.request.request import Request

from .job import Job, Terms
from .limits import Limits

_SEEDS = 2**31 - 1


def job(row: Mode, values: Mapping[str, Any], terms: Terms, folder: Path, limits: Limits | None) -> Job:
    """The job that is asked for.

    Args:
        values: parameters of the mode; None counts as not given.
        terms: those of the client.
        folder: where the video will be, in a folder of its own.
        limits: the most that may be asked for; None: anything.

    Raises:
        InputError: as for ``Jobs.submit_all``.
    """
    for name in holding(row.parameters, "output"):
        if values.get(name) is not None:
            raise InputError("E-JOB-OUTPUT", "{name}: a job chooses its own; leave it out", name=name)
    given = {name: value for name, value in values.items() if value is not None}
    if limits is not None:
        limits.check_given(row, given)
        limits.check_terms(terms)
    if row.has("seed"):
        given.setdefault("seed", secrets.randbelow(_SEEDS))
    asked = Request.of(row, given)
    asked.output_file(folder / "video")
    if limits is not None:
        limits.check_request(asked)
    advised = tuple(asked.advice())
    return Job(uuid.uuid4().hex, row.name, asked.given, advised, **terms._asdict())


def check_capacity(waiting: int, more: int, capacity: int) -> None:
    """Raises QueueFull where so many more jobs cannot wait."""
    if waiting + more > capacity:
        raise QueueFull(
            "E-QUEUE-FULL",
            "{waiting} jobs wait already, and the most is {capacity}: try again later",
            waiting=waiting,
            capacity=capacity,
        )


def check_room(folder: Path, limits: Limits) -> None:
    """Raises DiskFull where too little room is left (``Limits.free_mb``), also for the frames of clips."""
    needed = limits.free_mb * 10**6
    if any(shutil.disk_usage(place).free < needed for place in (folder, tempfile.gettempdir())):
        raise DiskFull
