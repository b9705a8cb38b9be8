"""Workers of this process, which go through all that others would: for tests of what is handed to them."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Collection, Sequence
from contextlib import contextmanager

from ppt2v.workers.calls import answered
from ppt2v.workers.pool import Answer, Call, Pool


class StandInWorker:
    """One of them; ``done``: the methods that it was asked for."""

    def __init__(self, name: str, worker: object, place: StandInPlace):
        self.name, self._worker, self._place = name, worker, place
        self.done: list[str] = []

    def begin(self, call: Call) -> None:
        self._call = pickle.dumps(call)

    def answer(self) -> Answer | None:
        method, arguments, parcels = pickle.loads(self._call)
        self._place.calls += 1
        if self._place.calls in self._place.fatal:
            return None
        self.done.append(method)
        made = pickle.loads(pickle.dumps(answered(self._worker, method, (*arguments, *map(pickle.loads, parcels)))))
        return made if made.parcel is None else made._replace(parcel=pickle.dumps(made.parcel))

    def end(self) -> None:
        pass


class StandInPlace:
    """Starts them.

    Args:
        make, arguments: as for ``processes.Processes``.
        fatal: the numbers of the calls, counted over all workers, over which a worker is lost.
    """

    def __init__(self, make: Callable, arguments: tuple = (), fatal: Collection[int] = ()):
        self._make, self._arguments, self.fatal, self.calls = make, arguments, fatal, 0
        self.workers: list[StandInWorker] = []

    def start(self) -> StandInWorker:
        worker = StandInWorker(f"worker {len(self.workers)}", self._make(*self._arguments), self)
        self.workers.append(worker)
        return worker

    def ready(self, workers: Sequence[StandInWorker]) -> StandInWorker:
        return workers[0]

    def share(self, value: object) -> bytes:
        return pickle.dumps(value)

    def close(self) -> None:
        pass


def opener(fatal: Collection[int] = (), places: list[StandInPlace] | None = None) -> Callable:
    """Stands in for ``runners.opened``; ``places`` gets the places that it opens."""

    @contextmanager
    def opened(runner: str, number: int, make: Callable, arguments: tuple = (), *machine):
        place = StandInPlace(make, arguments, fatal)
        if places is not None:
            places.append(place)
        with Pool(place, number) as pool:
            yield pool

    return opened
