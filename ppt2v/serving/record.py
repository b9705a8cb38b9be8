"""What an operator sees of a service: a line for each request and for each job."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from urllib.parse import quote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .job import Job

_MOST_LETTERS = 200  # of a path

Write = Callable[[str], None]


def to_standard_error(line: str) -> None:
    """Writes a line, with the date before it."""
    print(time.strftime("%Y-%m-%dT%H:%M:%S%z"), line, file=sys.stderr, flush=True)


class LoggedRequests:
    """Writes who asked for what, and what was answered: neither queries nor bodies, which hold what is private."""

    def __init__(self, app: ASGIApp, write: Write):
        self.app, self.write = app, write

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, and writes its line at the end of the answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status, began = 500, time.monotonic()  # what is answered where nothing below answers

        async def noted(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self.app(scope, receive, noted)
        finally:
            path = quote(scope["path"][:_MOST_LETTERS], errors="replace")
            client = (scope.get("client") or ["-"])[0]
            self.write(f"{client} {scope['method']} {path} {status} {time.monotonic() - began:.3f} s")


class LoggedJobs:
    """A listener of ``Jobs`` that writes what has become of each."""

    def __init__(self, write: Write):
        self.write = write

    def __call__(self, job: Job) -> None:
        """Writes the line of a finished job."""
        if job.finished:
            began = job.ended if job.started is None else job.started
            times = f"waited {began - job.submitted:.1f} s, ran {job.ended - began:.1f} s"
            why = "" if job.error is None else f": {' '.join(str(job.error).split())}"
            self.write(f"job {job.id} {job.mode} {job.state}, {times}{why}")
