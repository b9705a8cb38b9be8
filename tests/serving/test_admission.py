"""Who gets in: headers as they came, on the door alone."""

from __future__ import annotations

import asyncio
import base64

import pytest

from ppt2v import InputError
from ppt2v.serving.admission import Door, parse_auth, password_secret, token_secret

TOKEN = token_secret("correct horse battery staple")
TOLD = (b"authorization", b"Bearer correct horse battery staple")
PASSWORD = password_secret("ann", "secret:word")
GIVEN = (b"authorization", b"Basic " + base64.b64encode(b"ann:secret:word"))
ORIGIN = b"origin"


def answered(headers, secret=None, port=8000, kind="http") -> int | str:
    """The status with which the door answers, "passed on" where it does not."""
    sent = []

    async def behind(scope, receive, send):
        sent.append({"status": "passed on"})

    async def send(message):
        sent.append(message)

    scope = {"type": kind, "headers": headers, "method": "GET", "path": "/"}
    asyncio.run(Door(behind, port, secret)(scope, None, send))
    return sent[0].get("status") or sent[0]["code"]


@pytest.mark.parametrize("host", [b"127.0.0.1:8000", b"localhost:8000", b"[::1]:8000"])
def test_this_machine_is_let_in_by_its_own_names(host):
    assert answered([(b"host", host)]) == "passed on"
    assert answered([(b"Host", host), (b"Origin", b"http://" + host)]) == "passed on"


def test_only_at_port_80_the_port_may_be_left_out():
    assert (
        answered([(b"host", b"localhost")], port=80) == answered([(b"host", b"localhost:80")], port=80) == "passed on"
    )
    assert answered([(b"host", b"localhost")]) == 403


@pytest.mark.parametrize(
    "host",
    [
        b"elsewhere.example",
        b"elsewhere.example:8000",
        b"localhost.elsewhere.example:8000",
        b"localhost:8001",
        b"localhost:8000:80",
        b"localhost:8000/",
        b"localhost:8000#",
        b"localhost:8000@elsewhere.example",
        b"elsewhere.example#@localhost:8000",
        b"elsewhere.example/localhost:8000",
        b"localhost.:8000",
        b"LOCALHOST:8000",
        b" localhost:8000",
        b"localhost:8000, elsewhere.example",
        b"[::1]:8000]",
        b"::1:8000",
        b"0.0.0.0:8000",
        b"127.1:8000",
        b"2130706433:8000",
        b"",
    ],
)
def test_other_names_are_refused_as_they_came(host):
    assert answered([(b"host", host)]) == 403


@pytest.mark.parametrize("secret", [None, TOKEN], ids=["own", "token"])
def test_the_host_is_there_once(secret):
    assert answered([TOLD], secret) == 403
    assert answered([(b"host", b"localhost:8000"), (b"host", b"localhost:8000"), TOLD], secret) == 403
    assert answered([(b"host", b"localhost:8000"), (b"host", b"elsewhere.example"), TOLD], secret) == 403


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    "origin",
    [
        b"http://elsewhere.example",
        b"http://localhost:8001",
        b"http://localhost",
        b"https://127.0.0.1:8000",
        b"http://127.0.0.1:8000.elsewhere.example",
        b"http://127.0.0.1:8000/",
        b"http://127.0.0.1:8000 ",
        b"HTTP://127.0.0.1:8000",
        b"127.0.0.1:8000",
        b"file://",
        b"null",
        b"",
    ],
)
def test_foreign_pages_are_refused(origin, kind):
    host, refused = (b"host", b"127.0.0.1:8000"), 403 if kind == "http" else 1008
    assert answered([host, (ORIGIN, origin)], kind=kind) == refused
    assert answered([host, (ORIGIN, b"http://127.0.0.1:8000"), (ORIGIN, origin)], kind=kind) == refused
    if origin != b"https://127.0.0.1:8000":  # which a proxy may speak where others are let in
        assert answered([host, (ORIGIN, origin), TOLD], TOKEN, kind=kind) == refused
        assert answered([host, (ORIGIN, origin), GIVEN], PASSWORD, kind=kind) == refused


def test_with_a_secret_any_name_is_answered_but_only_to_its_own_pages():
    host = (b"host", b"videos.example:7860")
    assert answered([host, TOLD], TOKEN) == answered([host, GIVEN], PASSWORD) == "passed on"
    for scheme in (b"http://", b"https://"):
        assert answered([host, GIVEN, (ORIGIN, scheme + b"videos.example:7860")], PASSWORD) == "passed on"
    assert answered([host, GIVEN, (ORIGIN, b"http://videos.example")], PASSWORD) == 403
    assert answered([(b"host", b"videos.example@elsewhere.example"), TOLD], TOKEN) == 403


def test_the_secret_is_asked_for():
    host = (b"host", b"videos.example")
    for given in (b"", b"Bearer", b"Bearer wrong", b"Basic correct horse battery staple", b"Bearer \xff"):
        assert answered([host, (b"authorization", given)], TOKEN) == 401
    assert answered([host], TOKEN) == answered([host, TOLD, TOLD], TOKEN) == 401
    assert answered([host, (b"authorization", b"bearer  correct horse battery staple ")], TOKEN) == "passed on"
    assert answered([host, TOLD], PASSWORD) == 401


def test_the_page_asks_for_as_good_a_password_as_the_service_for_a_token():
    assert parse_auth("ann:a rather long password", is_open=True) == ("ann", "a rather long password")
    with pytest.raises(InputError, match="guessed"):
        parse_auth("ann:short", is_open=True)
