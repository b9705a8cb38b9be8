"""How large the body of a request may be: counted as it comes, whatever its headers say."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

OTHERS = 1_000_000  # bytes, for the paths that are not named


class LimitedBodies:
    """Answers 413 where a body is too large, without reading on.

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
        read, most = 0, self.most.get(scope["path"], OTHERS)

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > most:
                raise HTTPException(413, f"the body is too large: the most here is {most / 1e6:g} MB")
            return message

        await self.app(scope, counted, send)
