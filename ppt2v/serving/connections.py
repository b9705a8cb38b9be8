"""Connections to a service, and how long they may be idle."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from ppt2v.environment import garbage

IDLE = 10  # seconds without a whole head of a request, after which a connection is closed
MOST = 400  # open at once; a process may have about 1,000 files


class Server(uvicorn.Server):
    """Says when it begins to end, before it waits for the requests that are being answered.

    Args:
        ending: is called then.
    """

    def __init__(self, config: uvicorn.Config, ending: Callable[[], None] | None):
        super().__init__(config)
        self._ending = ending

    async def on_tick(self, counter: int) -> bool:
        """Takes SIGTERM back from Paddle, which has it end the process at once from when a job imports it on."""
        if threading.current_thread() is threading.main_thread():  # the only one that may
            signal.signal(signal.SIGTERM, self.handle_exit)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends."""
        if self._ending is not None:
            self._ending()
        await super().shutdown(sockets)


def server(app: ASGIApp, patience: int | None = None, ending: Callable[[], None] | None = None) -> Server:
    """What answers requests, until the process is interrupted; garbage is looked for as usual from now on.

    Args:
        patience: seconds that requests which are being answered then still have; None: all that they need.
        ending: as of ``Server``.
    """
    garbage.look_as_usual()
    settings = uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=patience,
    )
    return Server(settings, ending)


class Connection(H11Protocol):
    """Closes itself where no request comes; uvicorn's own clock starts with the first answer, and any byte stops it."""

    def connection_made(self, transport: Any) -> None:
        """Makes room, if there are too many, by closing the one that has been idle for the longest time."""
        super().connection_made(transport)
        self._seen: Any = None  # the request that was the last one when it was looked at before
        self.idle_since = self.loop.time()
        self._next_look = self.loop.call_later(IDLE, self._look)
        if len(self.connections) > MOST:
            idle = [each for each in self.connections if isinstance(each, Connection) and each.is_idle]
            min(idle, key=lambda each: each.idle_since).transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Looks no more."""
        self._next_look.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Is idle from now on."""
        self.idle_since = self.loop.time()
        super().on_response_complete()

    @property
    def is_idle(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def _look(self) -> None:
        if self.is_idle and self.cycle is self._seen:
            self.transport.close()
            return
        self._seen = self.cycle
        self._next_look = self.loop.call_later(IDLE, self._look)
