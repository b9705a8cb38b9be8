"""Who gets in: this machine alone, or who knows a secret."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from fastapi.responses import PlainTextResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.authentication import AuthCredentials, AuthenticationBackend, AuthenticationError, SimpleUser
from starlette.requests import HTTPConnection

from ppt2v.errors import InputError


def admission(token: str | None) -> Callable[..., None]:
    if token is None:

        def admit(request: Request) -> None:
            if request.url.hostname not in LOCAL_HOSTS:
                raise HTTPException(403, "this service answers on its own machine only, by the name localhost")

        return admit

    def admit_with_token(given: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer(auto_error=False))]) -> None:
        if given is None or not secrets.compare_digest(given.credentials.encode(), token.encode()):
            raise HTTPException(
                401,
                "give the token of this service, as the header Authorization: Bearer TOKEN",
                {"WWW-Authenticate": "Bearer"},
            )

    return admit_with_token


LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")  # by which nobody but the machine's own users get in


def check_address(host: str, token: str | None) -> None:
    """Refuses to let others in without a token.

    Raises:
        InputError: an address that others reach, and no token; or one that is easily guessed.
    """
    if token is None and host not in LOCAL_HOSTS:
        raise InputError(f"--host {host} lets others in: give --token, which they then have to know (or PPT2V_TOKEN)")
    if token is not None and len(token) < 16:
        raise InputError("the token is easily guessed: give one of 16 letters or more, such as `openssl rand -hex 16`")


def parse_auth(auth: str | None, is_open: bool) -> tuple[str, str] | None:
    """User and password of ``--auth``, None without.

    Args:
        is_open: whether others than this machine's own users reach the page.

    Raises:
        InputError: others do, and there is no password; or it is not of the form USER:PASSWORD.
    """
    if auth is None and is_open:
        raise InputError("others could use this machine: give --auth USER:PASSWORD, or leave out --host and --share")
    if auth is None:
        return None
    user, _, password = auth.partition(":")
    if not user or not password:
        raise InputError("--auth has the form USER:PASSWORD, and neither of them is empty")
    return user, password


class Password(AuthenticationBackend):
    """HTTP's basic authentication (RFC 7617)."""

    def __init__(self, user: str, password: str):
        self._user, self._right = user, base64.b64encode(f"{user}:{password}".encode())

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, SimpleUser]:
        scheme, _, given = conn.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "basic" or not secrets.compare_digest(given.strip().encode(), self._right):
            raise AuthenticationError
        return AuthCredentials(), SimpleUser(self._user)

    @staticmethod
    def refuse(conn: HTTPConnection, error: AuthenticationError) -> PlainTextResponse:
        header = {"WWW-Authenticate": 'Basic realm="ppt2v", charset="UTF-8"'}
        return PlainTextResponse("a user and a password are needed", status_code=401, headers=header)


class OnlyHere(AuthenticationBackend):
    """Lets in whoever calls this machine by its own name."""

    async def authenticate(self, conn: HTTPConnection) -> None:
        if conn.url.hostname not in LOCAL_HOSTS:
            raise AuthenticationError

    @staticmethod
    def refuse(conn: HTTPConnection, error: AuthenticationError) -> PlainTextResponse:
        return PlainTextResponse("this page answers on its own machine only, by the name localhost", status_code=403)
