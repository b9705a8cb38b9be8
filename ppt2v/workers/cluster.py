"""Ray clusters: how one is joined, and whether its machines have the same ppt2v."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ppt2v.environment.threads import threads
from ppt2v.errors import InputError
from ppt2v.version import __version__

LOCAL = "local"  # the address of a cluster of this machine, for this process alone
_PATIENCE = 5.0  # seconds for a machine to answer
_START = 60.0  # seconds for a process of Ray's to start there


@contextmanager
def joined(workers: int) -> Iterator[Any]:
    """Ray's module, connected to the cluster at RAY_ADDRESS, else to one of this machine for so many workers.

    Every machine of a cluster has ppt2v installed, and sees clips, models and output under the same paths.

    Raises:
        InputError: Ray is not installed, no cluster answers, or one of its machines does not, or has another ppt2v.
    """
    try:
        import ray
    except ModuleNotFoundError:
        raise InputError("E-RAY-MISSING", "the runner ray needs Ray: pip install 'ppt2v[ray]'") from None
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would report itself to its makers
    address = os.environ.get("RAY_ADDRESS", LOCAL)
    _check_address(address)
    own = {"num_cpus": workers, "include_dashboard": False} if address == LOCAL else {}
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **own)
    except (RuntimeError, OSError, ValueError, ray.exceptions.RayError) as error:  # another version of Ray or Python
        raise _not_joined(address, " ".join(str(error).split())) from None
    try:
        if not address.startswith("ray://"):  # from where the machines of a cluster may be out of reach
            _check_answering(ray.nodes())
        if address != LOCAL:
            _check_versions(ray)
        yield ray
    finally:
        ray.shutdown()


def resources(device: str | None) -> dict[str, Any]:
    """What an actor asks of Ray to compute on a device, on as many threads as this process."""
    graphics = 1 if str(device).startswith(("cuda", "gpu")) else 0
    return {
        "num_cpus": 1,
        "num_gpus": graphics,
        "scheduling_strategy": "SPREAD",
        "runtime_env": {"env_vars": {"OMP_NUM_THREADS": str(threads())}},
    }


def _not_joined(address: str, reason: str) -> InputError:
    return InputError(
        "E-RAY-ADDRESS",
        "no Ray cluster can be joined at RAY_ADDRESS={address}: {reason}; start one there with `ray start --head`, or "
        "unset RAY_ADDRESS to use this machine alone",
        address=address,
        reason=reason,
    )


def _check_address(address: str) -> None:
    """Refuses an address where no cluster answers: Ray itself would try for two minutes, and then end this process."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not port.isdigit():  # "local", "auto", or what Ray refuses at once
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), _PATIENCE).close()
    except (OSError, OverflowError) as error:
        raise _not_joined(address, str(error)) from None
    if address.startswith("ray://"):
        return
    asking = [sys.executable, "-m", "ray.scripts.scripts", "health-check", "--skip-version-check", "--address", address]
    try:
        answer = subprocess.run(asking, capture_output=True, text=True, timeout=2 * _PATIENCE)
    except subprocess.TimeoutExpired:
        raise _not_joined(address, "what is there is no head of a cluster") from None
    if answer.returncode and "Unauthenticated" in answer.stderr:
        raise InputError(
            "E-RAY-TOKEN",
            "the Ray cluster at RAY_ADDRESS={address} wants its token: set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN "
            "where this machine has not the token of the cluster's head",
            address=address,
        )


def _check_answering(nodes: Iterable[Mapping[str, Any]]) -> None:
    """Refuses a cluster of which a machine is off, cut off or stuck, which Ray itself notices late.

    Where Ray runs it greets who connects at once (HTTP/2, RFC 9113, section 3.4), however busy the machine is; with TLS
    it waits for the other to begin, and that it takes the connection must do.
    """
    greets = os.environ.get("RAY_USE_TLS", "0").lower() not in ("1", "true")
    for node in nodes:
        if node["Alive"]:
            place = node["NodeManagerAddress"], node["NodeManagerPort"]
            try:
                with socket.create_connection(place, _PATIENCE) as connection:
                    if greets and not connection.recv(1):
                        raise ConnectionResetError
            except OSError as error:
                raise _silent(node["NodeManagerHostname"], error) from None


def _check_versions(ray) -> None:
    """Refuses a cluster of which a machine has another version of ppt2v, or none."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    asked = {}
    for node in ray.nodes():
        if node["Alive"]:
            place = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            task = ray.remote(num_cpus=0, scheduling_strategy=place, max_retries=0)(_version_asker())
            asked[node["NodeManagerHostname"]] = task.remote()
    for worker, answer in asked.items():
        try:
            check_version(worker, ray.get(answer, timeout=_START))
        except (ray.exceptions.RayError, TimeoutError) as error:
            raise _silent(worker, error) from None


def _silent(worker: str, error: Exception) -> InputError:
    return InputError(
        "E-WORKER-SILENT",
        "the worker {worker} does not answer ({reason}): look at it with `ray status`, or take it out of the cluster",
        worker=worker,
        reason=type(error).__name__,
    )


def check_version(worker: str, version: str | None) -> None:
    """Refuses a worker that has not the version of ppt2v that this process has; None: it has none."""
    if version != __version__:
        raise InputError(
            "E-WORKER-VERSION",
            "the worker {worker} has ppt2v {theirs}, and this machine {own}: install the same version on both",
            worker=worker,
            theirs=version or "-",
            own=__version__,
        )


def _version_asker() -> Callable[[], str | None]:
    """A function that does not need ppt2v where it runs: Ray sends the code of inner functions along."""

    def version() -> str | None:
        from importlib.util import find_spec

        if find_spec("ppt2v") is None:
            return None
        from ppt2v.version import __version__

        return __version__

    return version
