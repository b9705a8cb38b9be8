"""The language of a request: that of the page in its path, else the one that it asks for."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ppt2v.language import LANGUAGES, preferred, speaking


class Spoken:
    """The middleware that answers a request in its language, and says so in the headers (RFC 9110, 8.5 and 12.5.5)."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        language = _language(scope)

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.add_vary_header("Accept-Language")
                headers.setdefault("Content-Language", language)
            await send(message)

        with speaking(language):
            await self.app(scope, receive, tell)


def _language(scope: Scope) -> str:
    page = scope["path"].split("/")[1]
    return page if page in LANGUAGES else preferred(Headers(scope=scope).get("Accept-Language", ""))
