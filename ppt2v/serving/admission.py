"""Who gets in: this machine's own users, or who knows a secret; and in no case a page of another site."""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from ppt2v.errors import InputError
from ppt2v.language import Message, either, words

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")  # by which nobody but the machine's own users get in
_LEAST_LETTERS = 16  # of a secret
_HOST = re.compile(rb"([\w.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")
_POLICY_VIOLATION = 1008  # RFC 6455, section 7.4.1

Headers = Iterable[tuple[bytes, bytes]]
Refuse = Callable[[int, Message, "dict[str, str] | None"], "Response"]


class Secret(NamedTuple):
    """What the header Authorization has to hold.

    Args:
        scheme: lower case.
        value: what follows the scheme.
        challenge: what a browser is told, in WWW-Authenticate.
        advice: what a person is told.
    """

    scheme: bytes
    value: bytes
    challenge: str
    advice: Message


def token_secret(token: str) -> Secret:
    """A token (RFC 6750)."""
    advice = Message("E-TOKEN", "give the token of this service, as the header Authorization: Bearer TOKEN")
    return Secret(b"bearer", token.encode(), "Bearer", advice)


def password_secret(user: str, password: str) -> Secret:
    """HTTP's basic authentication (RFC 7617)."""
    value = base64.b64encode(f"{user}:{password}".encode())
    advice = Message("E-PASSWORD", "a user and a password are needed")
    return Secret(b"basic", value, 'Basic realm="ppt2v", charset="UTF-8"', advice)


def refuse_plainly(status: int, detail: Message, headers: dict[str, str] | None) -> Response:
    """The refusal as a line of text."""
    from starlette.responses import PlainTextResponse

    return PlainTextResponse(str(detail), status, headers)


class Door:
    """The middleware before all others: lets requests in, or not, by their headers as they came, byte by byte.

    A browser says in Origin whose page makes it ask. What is not this very address, by the name in Host, is refused,
    with a secret too: browsers add passwords by themselves.

    Args:
        port: at which the service is reached on its own machine.
        secret: what requests have to bring along; None: only this machine's own names are answered, since the page of
            another site may have a name of its own point here.
        refuse: makes the answer of a status, a message and headers.
    """

    def __init__(self, app: ASGIApp, port: int, secret: Secret | None, refuse: Refuse = refuse_plainly):
        self.app, self.secret, self.refuse = app, secret, refuse
        self.schemes = (b"http://",) if secret is None else (b"http://", b"https://")  # a proxy may speak HTTPS
        self.own_hosts = _own_hosts(port)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or answers it."""
        refusal = None if scope["type"] == "lifespan" else self._refusal(scope["headers"])
        if refusal is None:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
        else:
            await refusal(scope, receive, send)

    def _refusal(self, headers: Headers) -> Response | None:
        host = _single(headers, b"host")
        if self.secret is None and host not in self.own_hosts:
            named = either(f"http://{host.decode()}" for host in sorted(self.own_hosts, reverse=True))
            told = Message(
                "E-DOOR-OWN-MACHINE", "this answers on its own machine only, as {addresses}", addresses=named
            )
            return self.refuse(403, told, None)
        if host is None or not _HOST.fullmatch(host):
            told = Message("E-DOOR-HOST", "the header Host has to be there once, with a name and a port")
            return self.refuse(403, told, None)
        if _has(headers, b"origin") and _single(headers, b"origin") not in [scheme + host for scheme in self.schemes]:
            return self.refuse(403, Message("E-DOOR-SITE", "pages of other sites are not answered"), None)
        if self.secret is not None and not _brings(headers, self.secret):
            return self.refuse(401, self.secret.advice, {"WWW-Authenticate": self.secret.challenge})
        return None


def _own_hosts(port: int) -> frozenset[bytes]:
    """What this machine's own users write in Host."""
    names = [f"[{name}]" if ":" in name else name for name in LOCAL_HOSTS]
    without_port = names if port == 80 else []
    return frozenset(host.encode() for host in [*(f"{name}:{port}" for name in names), *without_port])


def _has(headers: Headers, name: bytes) -> bool:
    return any(each.lower() == name for each, _ in headers)


def _single(headers: Headers, name: bytes) -> bytes | None:
    """The value of a header that is there once."""
    values = [value for each, value in headers if each.lower() == name]
    return values[0] if len(values) == 1 else None


def _brings(headers: Headers, secret: Secret) -> bool:
    scheme, _, value = (_single(headers, b"authorization") or b"").partition(b" ")
    return scheme.lower() == secret.scheme and secrets.compare_digest(value.strip(), secret.value)


def check_address(host: str, token: str | None) -> None:
    """Refuses to let others in without a token.

    Raises:
        InputError: an address that others reach, and no token; or one that is easily guessed.
    """
    if token is None and host not in LOCAL_HOSTS:
        raise InputError(
            "E-HOST-TOKEN",
            "--host {host} lets others in: give --token, which they then have to know (or PPT2V_TOKEN)",
            host=host,
        )
    if token is not None:
        _check_secret(words("token"), token)


def parse_auth(auth: str | None, is_open: bool) -> tuple[str, str] | None:
    """User and password of ``--auth``, None without.

    Args:
        is_open: whether others than this machine's own users reach the page.

    Raises:
        InputError: others do, and there is no password; or it is not of the form USER:PASSWORD, or easily guessed.
    """
    if auth is None and is_open:
        raise InputError(
            "E-HOST-AUTH", "others could use this machine: give --auth USER:PASSWORD, or leave out --host and --share"
        )
    if auth is None:
        return None
    user, _, password = auth.partition(":")
    if not user or not password:
        raise InputError("E-AUTH-FORM", "--auth has the form USER:PASSWORD, and neither of them is empty")
    _check_secret(words("password"), password)
    return user, password


def _check_secret(name: Message, secret: str) -> None:
    if len(secret) < _LEAST_LETTERS:
        raise InputError(
            "E-SECRET-WEAK",
            "the {name} is easily guessed: give one of {least} letters or more, such as `openssl rand -hex 16`",
            name=name,
            least=_LEAST_LETTERS,
        )
