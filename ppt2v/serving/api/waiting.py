"""Requests that wait for what happens to jobs."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from ppt2v.serving.fairness import REQUESTS, RETRY_AFTER
from ppt2v.serving.job import Job
from ppt2v.serving.queue import Jobs
from ppt2v.serving.refusals import Refusal

MOST_SECONDS = 60  # of a request that prefers to wait
MOST_WAITING = REQUESTS // 2  # at once, so that they leave room for those that are answered at once
_WAIT = re.compile(r'(?:^|[,;])\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:[,;]|$)', re.IGNORECASE)

Changed = Callable[[float], Awaitable[bool]]


def preferred_wait(prefer: str | None) -> int:
    """The seconds that the header Prefer (RFC 7240, section 4.3) asks to be waited, at most ``MOST_SECONDS``."""
    found = _WAIT.search(prefer or "")
    return min(int(found[1]), MOST_SECONDS) if found else 0


class Changes:
    """Wakes the requests that wait for a change of a job; none of them takes a thread meanwhile."""

    def __init__(self, jobs: Jobs):
        self.ended = False
        self._jobs, self._waiting = jobs, set[Callable[..., None]]()

    @property
    def has_room(self) -> bool:
        """Whether one more request may wait."""
        return len(self._waiting) < MOST_WAITING

    def check_room(self) -> None:
        """Raises Refusal where no more may wait."""
        if not self.has_room:
            raise Refusal(
                503,
                "E-WAITING-FULL",
                "too many requests wait already: ask again",
                headers={"Retry-After": RETRY_AFTER},
            )

    @contextmanager
    def watched(self) -> Iterator[Changed]:
        """Yields what waits, at most so many seconds, until a job has changed since the last call, and says whether
        one has.

        Raises:
            HTTPException: too many wait.
        """
        self.check_room()
        loop, happened = asyncio.get_running_loop(), asyncio.Event()

        def wake(*_: Job) -> None:
            loop.call_soon_threadsafe(happened.set)

        async def changed(seconds: float) -> bool:
            try:
                await asyncio.wait_for(happened.wait(), seconds)
            except asyncio.TimeoutError:
                return False
            happened.clear()
            return True

        self._waiting.add(wake)
        self._jobs.listeners.append(wake)
        try:
            yield changed
        finally:
            self._jobs.listeners.remove(wake)
            self._waiting.remove(wake)

    async def until_finished(self, ids: list[str], seconds: float) -> None:
        """Waits until all of these jobs are finished or gone; at most so long, and not at all where too many wait."""
        if not self.has_room:
            return
        with self.watched() as changed:
            latest = asyncio.get_running_loop().time() + seconds
            while not self.ended and not all(map(self._is_over, ids)):
                if not await changed(latest - asyncio.get_running_loop().time()):
                    return

    def end(self) -> None:
        """Lets nobody wait any longer, since the service ends."""
        self.ended = True
        for wake in self._waiting:
            wake()

    def _is_over(self, id: str) -> bool:
        try:
            return self._jobs.get(id).finished
        except KeyError:
            return True
