"""Reports of finished jobs to other servers: to those alone that the operator names, whatever clients ask for."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import NamedTuple
from urllib.parse import urlsplit

from ppt2v.errors import InputError
from ppt2v.version import __version__

from .job import Job

_LOG = logging.getLogger(__name__)
_CONNECTIONS: dict[str, type[HTTPConnection]] = {"http": HTTPConnection, "https": HTTPSConnection}
_PORTS = {"http": 80, "https": 443}
_PAUSES = (0, 5, 30)  # seconds before each attempt
_TIMEOUT = 10  # seconds, for connecting and for the answer


class Origin(NamedTuple):
    """Of whom an address is (RFC 6454)."""

    scheme: str
    host: str
    port: int


def origin(url: str) -> Origin | None:
    """Whose an address is; None for what is no plain address of HTTP or HTTPS."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    is_plain = url.isascii() and url.isprintable() and " " not in url and "\\" not in url and "@" not in parts.netloc
    if not is_plain or parts.scheme not in _CONNECTIONS or not parts.hostname:
        return None
    return Origin(parts.scheme, parts.hostname, port or _PORTS[parts.scheme])


def check(server: str) -> None:
    """Raises InputError for what does not name a server, as an operator has to."""
    parts = urlsplit(server)
    if origin(server) is None or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise InputError(
            "E-WEBHOOK-SERVER",
            "--webhook {server}: give the address of a server alone, such as https://hooks.example.com",
            server=server,
        )


class Webhooks:
    """A listener of ``Jobs`` that reports each finished job which has a webhook; it waits for nobody.

    Args:
        body: what is sent of a job, as JSON.
    """

    def __init__(self, body: Callable[[Job], str]):
        self._body = body

    def __call__(self, job: Job) -> None:
        """Begins to send the report, if the job is to be reported."""
        if job.finished and job.webhook is not None:
            name = f"ppt2v webhook {job.id}"
            threading.Thread(target=self._report, args=(job.webhook, job), name=name, daemon=True).start()

    def _report(self, url: str, job: Job) -> None:
        body = self._body(job).encode()
        for pause in _PAUSES:
            time.sleep(pause)
            failure = _post(url, body)
            if failure is None:
                return
        _LOG.error("job %s: its webhook was not told: %s", job.id, failure)


def _post(url: str, body: bytes) -> str | None:
    """Sends a report, by the same reading of the address as ``origin`` and following nobody elsewhere.

    Returns:
        Why it was not taken, None if it was.
    """
    scheme, host, port = origin(url)
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = _CONNECTIONS[scheme](host, port, timeout=_TIMEOUT)
    try:
        headers = {"Content-Type": "application/json", "User-Agent": f"ppt2v/{__version__}"}
        connection.request("POST", target, body, headers)
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        connection.close()
    return None if 200 <= status < 300 else f"it answers {status}"
