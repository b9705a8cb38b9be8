"""Connections that send nothing, or too slowly, on a real server."""

from __future__ import annotations

import contextlib
import gc
import re
import socket
import threading
from http.client import HTTPConnection

import pytest
from stand_in_model import StandInModel

from ppt2v.environment import garbage
from ppt2v.serving import connections, fairness
from ppt2v.serving.api.app import create_app
from ppt2v.serving.connections import server
from ppt2v.serving.makers import Here
from ppt2v.serving.queue import Jobs
from ppt2v.serving.server import listen


@contextlib.contextmanager
def running(folder, model=None):
    """The port of a service."""
    with listen("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        app = create_app(Jobs(folder, [Here(model or StandInModel())]), port=port)
        opened = server(app, ending=app.state.changes.end)
        thread = threading.Thread(target=opened.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield port
        finally:
            opened.should_exit = True
            thread.join()


def connected(port: int, sent: bytes = b"") -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=60)
    connection.sendall(sent)
    return connection


def head(port: int, request: str = "GET /jobs", more: str = "") -> bytes:
    return f"{request} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{more}\r\n".encode()


def status(port: int, sent: bytes) -> bytes:
    with connected(port, sent) as connection:
        return connection.recv(12)


def test_a_service_looks_for_garbage_as_often_as_other_programs(tmp_path):
    garbage.look_seldom()
    with running(tmp_path):
        assert gc.get_threshold()[0] < 10_000


def test_idle_connections_keep_nobody_out(tmp_path, monkeypatch):
    monkeypatch.setattr(connections, "MOST", 120)
    with running(tmp_path) as port, contextlib.ExitStack() as idle:
        opened = [idle.enter_context(connected(port, b"GET /jobs" if n % 2 else b"")) for n in range(300)]
        assert status(port, head(port)) == b"HTTP/1.1 200"
        assert opened[0].recv(1) == b""  # the one that has been idle for the longest time made room


@pytest.mark.parametrize("sent", [b"", b"GET /jobs HTTP/1.1\r\nHost: "], ids=["nothing", "half a head"])
def test_connections_that_ask_nothing_are_closed(tmp_path, monkeypatch, sent):
    monkeypatch.setattr(connections, "IDLE", 0.2)
    with running(tmp_path) as port, connected(port, sent) as idle:
        assert idle.recv(100) == b""


def test_a_connection_goes_on_while_it_asks_and_is_closed_after_it(tmp_path, monkeypatch):
    monkeypatch.setattr(connections, "IDLE", 0.5)
    with running(tmp_path) as port, contextlib.closing(HTTPConnection("127.0.0.1", port, timeout=60)) as asking:
        for _ in range(3):
            asking.request("GET", "/jobs")
            assert asking.getresponse().read() == b"[]"
        assert asking.sock.recv(1) == b""


def test_a_body_that_comes_too_slowly_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(fairness, "_PATIENCE", 0.2)
    asks = "Content-Length: 1000\r\nContent-Type: application/octet-stream\r\n"
    with running(tmp_path) as port:
        assert status(port, head(port, "POST /clips", asks) + b"\0\0\0\x18ftyp") == b"HTTP/1.1 408"
        assert not list((tmp_path / "clips").iterdir())


def test_requests_are_counted_instead(tmp_path, monkeypatch):
    monkeypatch.setattr(fairness, "REQUESTS", 2)
    asks = "Content-Length: 1000\r\nContent-Type: application/octet-stream\r\nExpect: 100-continue\r\n"
    with running(tmp_path) as port:
        with contextlib.ExitStack() as uploading:
            for _ in range(2):
                begun = uploading.enter_context(connected(port, head(port, "POST /clips", asks)))
                assert begun.recv(12) == b"HTTP/1.1 100"  # its body is waited for
            assert status(port, head(port)) == b"HTTP/1.1 503"
        while status(port, head(port)) == b"HTTP/1.1 503":
            pass
        assert status(port, head(port)) == b"HTTP/1.1 200"


def read_until(stream: socket.socket, wanted: bytes) -> re.Match[bytes]:
    """Where an answer, which comes in pieces, has what matches."""
    told, found = b"", None
    while found is None:
        piece = stream.recv(10_000)
        assert piece, f"it ends with {told!r}"
        told += piece
        found = re.search(wanted, told)
    return found


def test_a_stream_of_events_ends_with_the_service(tmp_path):
    model, ends = StandInModel(), []
    model.go.clear()

    def read_to_the_end(stream):
        try:
            ends.append([stream.recv(10_000) for _ in range(100)][-1])
        finally:
            model.go.set()  # the service waits for its job, whose state does not change before

    with running(tmp_path, model) as port, contextlib.ExitStack() as otherwise:
        otherwise.callback(model.go.set)
        asks = b'{"prompt": "a fox"}'
        more = f"Content-Length: {len(asks)}\r\nContent-Type: application/json\r\n"
        with connected(port, head(port, "POST /jobs/text2video", more) + asks) as asking:
            id = read_until(asking, rb'"id":"(\w+)"')[1].decode()
        stream = connected(port, head(port, f"GET /jobs/{id}/events"))
        read_until(stream, b"event: ")
        reading = threading.Thread(target=read_to_the_end, args=[stream])
        reading.start()
        otherwise.pop_all()
    reading.join()
    stream.close()
    assert ends == [b""]


def test_a_client_that_leaves_during_an_upload_is_no_error_of_the_service(tmp_path, caplog):
    asks = "Content-Length: 1000\r\nContent-Type: application/octet-stream\r\nExpect: 100-continue\r\n"
    with running(tmp_path) as port:
        with connected(port, head(port, "POST /clips", asks)) as leaving:
            leaving.recv(12)
            assert len(list((tmp_path / "clips").iterdir())) <= 1
        while list((tmp_path / "clips").iterdir()):
            pass
        assert status(port, head(port)) == b"HTTP/1.1 200"
    assert not caplog.records
