"""Workers that are actors of a Ray cluster; parcels lie in its object store, which the actors of a machine share."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from ppt2v.errors import InputError

from .calls import answered
from .cluster import resources
from .pool import Answer, Call


class Actors:
    """Starts them.

    Args:
        ray: the module, joined to a cluster (``cluster.joined``).
        make: makes what answers the calls, in the actor.
        arguments: for ``make``.
        device: that they compute on.
        number: how many there will be at once.

    Raises:
        InputError: the cluster is too small for them.
    """

    def __init__(self, ray, make: Callable[..., Any], arguments: tuple, device: str | None, number: int):
        self._ray, self._make, self._arguments = ray, make, arguments
        asked = resources(device)
        _check_room(ray.cluster_resources(), asked["num_gpus"], number)
        self._actor = ray.remote(max_restarts=0, **asked)(_Actor)
        self._numbers = itertools.count(1)

    def start(self) -> Actor:
        handle = self._actor.remote(self._make, self._arguments)
        return Actor(self._ray, handle, f"actor {next(self._numbers)}")

    def ready(self, workers: Sequence[Actor]) -> Actor:
        answers = {worker.answers[0]: worker for worker in workers}
        (ready,), _ = self._ray.wait(list(answers))
        return answers[ready]

    def share(self, value: Any) -> Any:
        return self._ray.put(value)

    def close(self) -> None:
        """Nothing is left: objects go with the last reference to them."""


class Actor:
    """One of them."""

    def __init__(self, ray, handle, name: str):
        self.name, self._ray, self._handle = name, ray, handle
        self.answers: list = []

    def begin(self, call: Call) -> None:
        self.answers = self._handle.answer.options(num_returns=2).remote(call.method, call.arguments, *call.parcels)

    def answer(self) -> Answer | None:
        answer, parcel = self.answers
        try:
            made, has_parcel, self.name = self._ray.get(answer)
        except self._ray.exceptions.RayActorError:
            return None
        except self._ray.exceptions.RayError as error:  # such as a machine that was lost with a parcel
            lost = InputError(
                "E-RAY-LOST",
                "the Ray cluster has lost what a worker had made ({reason}): run it again, with --resume from its last "
                "step on",
                reason=type(error).__name__,
            )
            return Answer(error=lost)
        return made._replace(parcel=parcel) if has_parcel else made

    def end(self) -> None:
        self._ray.kill(self._handle)


class _Actor:
    def __init__(self, make: Callable[..., Any], arguments: tuple):
        from ppt2v.environment.quiet import quiet_process

        quiet_process()
        self._worker = make(*arguments)

    def answer(self, method: str, arguments: tuple, *parcels: Any) -> tuple:
        """The answer without its parcel, whether it has one, and the machine's name; then the parcel."""
        import socket

        answer = answered(self._worker, method, (*arguments, *parcels))
        return (answer._replace(parcel=None), answer.parcel is not None, socket.gethostname()), answer.parcel


def _check_room(there: dict[str, float], graphics: int, number: int) -> None:
    """Refuses more workers than a cluster has processors or GPUs for: they would wait for ever."""
    kind = "GPU" if graphics else "CPU"
    if there.get(kind, 0) < number:
        raise InputError(
            "E-RAY-ROOM",
            "workers={number}: the Ray cluster has {there:g} {kind}; give as many workers at most, or add machines",
            number=number,
            there=there.get(kind, 0),
            kind=kind,
        )
