"""Workers as they are spoken to: in a process of this machine, or in an actor of a Ray cluster."""

from __future__ import annotations

import threading
from collections.abc import Callable
from multiprocessing import Pipe
from typing import Any, Protocol

from ppt2v.environment.children import Child
from ppt2v.environment.quiet import quiet_process
from ppt2v.errors import InputError
from ppt2v.workers.cluster import resources

from .worker import Answer, Model, work

_PATIENCE = 15  # seconds for an actor to be started


class WorkerLost(Exception):
    """A worker has ended over what it was asked: killed for its memory, say."""


class Conversation(Protocol):
    """A worker that answers, begun when this is made."""

    def ask(self, what: Any) -> Answer:
        """The answer (``worker``); WorkerLost if there comes none."""

    def end(self) -> None:
        """Ends the worker, whatever it does."""


class Process:
    """A worker in a process of this machine.

    Args:
        make: as of ``worker.work``.
    """

    def __init__(self, make: Callable[[], Model]):
        self._child = Child(work, make)

    def ask(self, what: Any) -> Answer:
        """As of ``Conversation``."""
        try:
            self._child.pipe.send(what)
            return self._child.pipe.recv()
        except (EOFError, OSError):
            raise WorkerLost from None

    def end(self) -> None:
        """As of ``Conversation``."""
        self._child.end()


class RayActor:
    """A worker in an actor of a cluster.

    Args:
        ray: the module, joined to the cluster.
        make: as of ``worker.work``.
        device: of the videos.
    """

    def __init__(self, ray: Any, make: Callable[[], Model], device: str | None):
        self._ray, self._started = ray, False
        self._actor = ray.remote(max_restarts=0, **resources(device))(_Actor).remote(make)

    def ask(self, what: Any) -> Answer:
        """As of ``Conversation``; InputError where the cluster has no room for the actor."""
        try:
            self._wait_for_start()
            return self._ray.get(self._actor.ask.remote(what))
        except self._ray.exceptions.RayActorError:
            raise WorkerLost from None

    def _wait_for_start(self) -> None:
        if self._started:
            return
        try:
            self._ray.get(self._actor.is_there.remote(), timeout=_PATIENCE)
        except self._ray.exceptions.GetTimeoutError:
            raise InputError(
                "E-WORKER-ROOM",
                "the Ray cluster has started no worker within {seconds} s: most likely all of its {there} are taken; "
                "give fewer workers, or add machines with `ray start`",
                seconds=_PATIENCE,
                there={name: self._ray.cluster_resources().get(name, 0) for name in ("CPU", "GPU")},
            ) from None
        self._started = True

    def end(self) -> None:
        """As of ``Conversation``."""
        self._ray.kill(self._actor)


class _Actor:
    """Speaks with a thread of its own process as ``Process`` does with another process."""

    def __init__(self, make: Callable[[], Model]):
        quiet_process()
        self._pipe, theirs = Pipe()
        threading.Thread(target=work, args=(theirs, make), name="ppt2v worker", daemon=True).start()

    def is_there(self) -> None:
        """Returns once the actor has been started."""

    def ask(self, what: Any) -> Answer:
        """The answer."""
        self._pipe.send(what)
        return self._pipe.recv()
