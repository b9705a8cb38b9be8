"""Ray clusters: what keeps one from being joined is said at once."""

from __future__ import annotations

import signal
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


def node(port: int) -> dict:
    return {"Alive": True, "NodeManagerHostname": "node7", "NodeManagerAddress": "127.0.0.1", "NodeManagerPort": port}


def test_a_machine_that_does_not_answer_is_named(monkeypatch, silent_port):
    monkeypatch.setattr(cluster, "_PATIENCE", 0.5)
    for port, reason in ((silent_port, "TimeoutError"), (closed_port(), "ConnectionRefusedError")):
        cluster._check_answering([{**node(port), "Alive": False}])
        with pytest.raises(InputError, match=f"the worker node7 does not answer .{reason}.: look at it") as error:
            cluster._check_answering([node(port)])
        assert error.value.code == "E-WORKER-SILENT" and "\n" not in str(error.value)
    monkeypatch.setenv("RAY_USE_TLS", "1")
    cluster._check_answering([node(silent_port)])


@pytest.mark.slow
def test_a_machine_that_has_stopped_is_named_before_ray_knows_it(monkeypatch):
    from ray.cluster_utils import Cluster

    there = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    stopped = there.add_node(num_cpus=1).all_processes["raylet"][0].process
    try:
        monkeypatch.setenv("RAY_ADDRESS", there.address)
        with cluster.joined(1):
            pass
        stopped.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        with pytest.raises(InputError, match=f"the worker {socket.gethostname()} does not answer"), cluster.joined(1):
            pass
        assert time.monotonic() - began < LONGEST
    finally:
        stopped.send_signal(signal.SIGCONT)
        there.shutdown()


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
