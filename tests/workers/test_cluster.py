"""Ray clusters: what keeps one from being joined is said at once."""

from __future__ import annotations

import socket
import time

import pytest

from ppt2v import InputError
from ppt2v.workers import cluster

LONGEST = 15  # seconds until a person knows


@pytest.fixture
def silent_port():
    """A port of this machine where something listens and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def refused(monkeypatch, address: str) -> str:
    monkeypatch.setenv("RAY_ADDRESS", address)
    began = time.monotonic()
    with pytest.raises(InputError) as error, cluster.joined(1):
        pass
    assert time.monotonic() - began < LONGEST and "\n" not in str(error.value)
    assert error.value.code == "E-RAY-ADDRESS" and f"RAY_ADDRESS={address}" in str(error.value)
    return str(error.value)


def test_an_address_without_a_cluster_is_refused(monkeypatch):
    for address in ("nonsense", f"127.0.0.1:{closed_port()}", f"ray://127.0.0.1:{closed_port()}", "127.0.0.1:99999"):
        assert "ray start --head" in refused(monkeypatch, address)


def test_an_address_where_something_else_answers_is_refused(monkeypatch, silent_port):
    monkeypatch.setattr(cluster, "_PATIENCE", 1.0)
    assert "no head of a cluster" in refused(monkeypatch, f"127.0.0.1:{silent_port}")


@pytest.mark.slow
def test_a_machine_with_another_version_is_named(monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with cluster.joined(1) as ray:
        cluster._check_versions(ray)
        monkeypatch.setattr(cluster, "__version__", "9.0")
        with pytest.raises(InputError, match="and this machine 9.0: install the same version") as error:
            cluster._check_versions(ray)
    assert error.value.code == "E-WORKER-VERSION" and socket.gethostname() in str(error.value)


def test_a_machine_without_ppt2v_is_named():
    with pytest.raises(InputError, match="the worker node7 has ppt2v -, and this machine"):
        cluster.check_version("node7", None)
