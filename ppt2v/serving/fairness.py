"""So that nobody takes the service from the others: how many requests at once, how large their bodies, how slow."""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Mapping

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ppt2v.language import Message as Told

from .admission import Refuse
from .refusals import Refusal

OTHERS = 1_000_000  # bytes, for the paths that are not named
REQUESTS = 100  # at once
RETRY_AFTER = "30"  # seconds
_PATIENCE, _LEAST_RATE = 20, 2_000  # seconds for a body, and bytes/s for all that comes later
_NETWORK = 64  # bits of an address (IPv6) that one household has, which chooses the others as it likes


def client(request: HTTPConnection) -> str | None:
    """Who takes turns with others: the address that a request comes from, of IPv6 its network; None without one."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:  # of no network
        return host or None
    if isinstance(address, ipaddress.IPv6Address) and not address.ipv4_mapped:
        return str(ipaddress.ip_network((int(address), _NETWORK), strict=False))
    return str(getattr(address, "ipv4_mapped", None) or address)


class LimitedBodies:
    """Answers 413 where a body is too large, and 408 where it comes too slowly, without reading on.

    Bytes are counted as they come, whatever the headers say.

    Args:
        most: bytes, by the path of the request.
    """

    def __init__(self, app: ASGIApp, most: Mapping[str, int]):
        self.app, self.most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, counting its bytes."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        read, most, began, whole = 0, self.most.get(scope["path"], OTHERS), time.monotonic(), False

        async def counted() -> Message:
            nonlocal read, whole
            if whole:  # what comes then is the end of the connection
                return await receive()
            message = await _in_time(receive, began + _PATIENCE + read / _LEAST_RATE)
            read += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if read > most:
                raise Refusal(
                    413, "E-BODY-LARGE", "the body is too large: the most here is {most:g} MB", most=most / 1e6
                )
            return message

        await self.app(scope, counted, send)


async def _in_time(receive: Receive, latest: float) -> Message:
    try:
        return await asyncio.wait_for(receive(), max(0, latest - time.monotonic()))
    except asyncio.TimeoutError:
        raise Refusal(408, "E-BODY-SLOW", "the body comes too slowly") from None


class LimitedRequests:
    """Answers 503 where too many requests are being answered; connections on which none is do not count.

    Args:
        refuse: as for ``admission.Door``.
    """

    def __init__(self, app: ASGIApp, refuse: Refuse):
        self.app, self.refuse, self._answered = app, refuse, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, counting it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if self._answered >= REQUESTS:
            said = Told("E-REQUESTS-FULL", "too many requests at once: try again later")
            await self.refuse(503, said, {"Retry-After": RETRY_AFTER})(scope, receive, send)
            return
        self._answered += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self._answered -= 1
