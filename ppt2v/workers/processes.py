"""Workers that are processes of this machine, each on as many threads as this one."""

from __future__ import annotations

import itertools
import os
import tempfile
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing import connection
from pathlib import Path
from typing import Any

from ppt2v import unfinished
from ppt2v.environment.children import Child
from ppt2v.errors import InputError

from . import parcels
from .calls import answered
from .pool import Answer, Call

_VISIBLE = "CUDA_VISIBLE_DEVICES"


class Processes:
    """Starts them.

    Args:
        make: makes what answers the calls, in the process.
        arguments: for ``make``.
        graphics: GPUs that they share out among themselves; 0: each sees all.
    """

    def __init__(self, make: Callable[..., Any], arguments: tuple = (), graphics: int = 0):
        self._make, self._arguments, self._cards = make, arguments, _cards(graphics)
        self._living: list[Process] = []
        self._lock = threading.Lock()
        self._folder = unfinished.beside(Path(tempfile.gettempdir()), "ppt2v-workers-")
        self._folder.mkdir(mode=0o700)
        self._numbers = itertools.count()

    def start(self) -> Process:
        number = next(self._numbers)
        with self._lock:  # threads start workers too
            self._living = [process for process in self._living if not process.ended]
            taken = Counter(process.card for process in self._living)
            card = min(self._cards, key=taken.__getitem__, default=None)  # the next one, or that of a lost process
            name, stem = f"process {number + 1}", self._folder / str(number)
            process = Process(name, self._make, self._arguments, stem, card)
            self._living.append(process)
        return process

    def ready(self, workers: Sequence[Process]) -> Process:
        ready = connection.wait([worker.child.pipe for worker in workers])
        return next(worker for worker in workers if worker.child.pipe in ready)

    def share(self, value: Any) -> Parcel:
        path = self._folder / f"shared-{next(self._numbers)}"
        parcels.write(value, path)
        return Parcel(path)

    def close(self) -> None:
        unfinished.remove(self._folder)


class Parcel:
    """A file, which goes when nobody needs it any more."""

    def __init__(self, path: Path):
        self.path = path
        weakref.finalize(self, path.unlink, missing_ok=True)


class Process:
    """One of them, which sees the one GPU ``card``, or all; what it makes for others begins with ``stem``."""

    def __init__(self, name: str, make: Callable[..., Any], arguments: tuple, stem: Path, card: str | None):
        self.name, self.card, self.ended = name, card, False
        self.child = Child(_work, make, arguments, stem, card)

    def begin(self, call: Call) -> None:
        with suppress(OSError):  # it has died in between, which ``answer`` will tell
            self.child.pipe.send(call._replace(parcels=tuple(parcel.path for parcel in call.parcels)))

    def answer(self) -> Answer | None:
        try:
            answer = self.child.pipe.recv()
        except (EOFError, OSError):
            return None
        return answer if answer.parcel is None else answer._replace(parcel=Parcel(answer.parcel))

    def end(self) -> None:
        self.ended = True
        self.child.end()


def _cards(graphics: int) -> list[str]:
    """The GPUs that are shared out, as CUDA names them."""
    given = os.environ.get(_VISIBLE)
    return given.split(",")[:graphics] if given else list(map(str, range(graphics)))


def _work(
    pipe: connection.Connection, make: Callable[..., Any], arguments: tuple, stem: Path, card: str | None
) -> None:
    if card is not None:
        os.environ[_VISIBLE] = card
    worker = make(*arguments)
    with suppress(EOFError, OSError):  # the parent is gone
        for number in itertools.count():
            method, given, paths = pipe.recv()
            answer = answered(worker, method, (*given, *map(parcels.read, paths)))
            pipe.send(_with_file(answer, stem.with_name(f"{stem.name}-{number}")))


def _with_file(answer: Answer, path: Path) -> Answer:
    """The answer with the file of its parcel, if it has one."""
    if answer.parcel is None:
        return answer
    try:
        parcels.write(answer.parcel, path)
    except InputError as error:
        return Answer(error=error)
    return answer._replace(parcel=path)
