"""The socket and the queue of a service."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from ppt2v.errors import InputError

from .limits import Limits

if TYPE_CHECKING:
    from .queue import Jobs


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there.

    Raises:
        InputError: nobody can listen there, or somebody does already.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise InputError(
            "E-ADDRESS",
            "--host {host} --port {port}: {reason}; choose others",
            host=host,
            port=port,
            reason=error.strerror,
        ) from None


def address(listening: socket.socket) -> str:
    """Where it is reached over HTTP, such as "http://127.0.0.1:8000"."""
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


class Queue(NamedTuple):
    """What the options say of the queue of jobs."""

    folder: str
    capacity: int
    limits: Limits
    keep_days: float | None
    runner: str
    workers: int

    @contextmanager
    def opened(self, machine: Mapping[str, Any], for_strangers: bool) -> Iterator[Jobs]:
        """Yields the queue over its workers, and ends both; ``machine`` are parameters of ``modes.machine``. Raises
        InputError as ``Jobs`` and ``started``."""
        from ppt2v.model import Model
        from ppt2v.video import make_folder

        from .makers import started
        from .queue import Jobs

        make = partial(Model, **machine, show_progress=False, for_strangers=for_strangers)
        places = [str(make_folder(self.folder)), *self.limits.models]
        with started(self.runner, self.workers, make, machine["device"], places) as makers:
            jobs = Jobs(self.folder, makers, self.capacity, self.limits, self.keep_days)
            try:
                yield jobs
            finally:
                jobs.close()
