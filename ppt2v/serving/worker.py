"""A worker of the queue, in a process of its own: it makes videos, and tells whoever asks how far they are."""

from __future__ import annotations

import functools
import os
import pickle
import socket
import threading
import traceback
from collections.abc import Callable, Iterable
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ppt2v.environment.memory import resident
from ppt2v.errors import Cancelled, InputError
from ppt2v.models.sources import locate
from ppt2v.progress import Progress, Watch

from .previews import PreviewWatch

if TYPE_CHECKING:
    import numpy as np


class Model(Protocol):
    """What makes the videos: ``ppt2v.Model``."""

    def run(self, mode: str, callback: Watch | None = None, **given: Any) -> str:
        """Makes a video and returns its path."""


class Report(NamedTuple):
    """How far a video is: as in ``Progress``, but for the preview, which is computed. The control map comes once."""

    stage: str
    done: int
    total: int | None
    preview: np.ndarray | None
    control_map: np.ndarray | None


class End(NamedTuple):
    """The path of the video, or the error and where that was raised, for the log."""

    path: str | None = None
    error: Exception | None = None
    trace: str = ""


class Said(NamedTuple):
    """What a worker says, and the bytes of memory that it takes."""

    what: Report | End
    memory: int


class Worker:
    """What is called in the worker's process (``ppt2v.workers``), one call at a time.

    Args:
        make: makes what makes the videos, which is used in one thread alone.
    """

    def __init__(self, make: Callable[[], Model]):
        self._make = make
        self._asked: SimpleQueue[Callable[[], str | None]] = SimpleQueue()
        self._said: SimpleQueue[Said] = SimpleQueue()
        self._wanted: SimpleQueue[bool] = SimpleQueue()
        self._map_told = False
        threading.Thread(target=self._work, name="ppt2v worker", daemon=True).start()

    def check(self, places: Iterable[str]) -> Said:
        """Says an ``End`` without a video, once the worker can make some; ``places`` are folders and models that have
        to be there."""
        self._asked.put(lambda: self._check(places))
        return self._said.get()

    def begin(self, mode: str, given: dict[str, Any]) -> Said:
        """Begins a video; says a ``Report``, on which ``go_on`` has to follow, or its ``End``."""
        self._asked.put(lambda: self._model.run(mode, PreviewWatch(self._report), **given))
        return self._said.get()

    def go_on(self, wanted: bool) -> Said:
        """Goes on with the video, or stops at this step; says the same as ``begin``."""
        self._wanted.put(wanted)
        return self._said.get()

    @functools.cached_property
    def _model(self) -> Model:
        return self._make()

    def _work(self) -> None:
        while True:
            self._say(self._end_of(self._asked.get()))

    def _end_of(self, asked: Callable[[], str | None]) -> End:
        self._map_told = False
        try:
            return End(asked())
        except Exception as error:  # whatever it is, the next one has its turn
            return End(error=_sendable(error), trace=traceback.format_exc())

    def _report(self, progress: Progress, preview: np.ndarray | None = None) -> None:
        control_map = None if self._map_told else progress.control_map
        self._map_told |= control_map is not None
        self._say(Report(progress.stage, progress.done, progress.total, preview, control_map))
        if not self._wanted.get():
            raise Cancelled

    def _say(self, what: Report | End) -> None:
        self._said.put(Said(what, resident()))

    def _check(self, places: Iterable[str]) -> None:
        for place in places:
            if not is_here(place):
                raise InputError(
                    "E-WORKER-LACKS",
                    "the worker {worker} lacks {place}: put it there under the same path; a model that has an id is "
                    "downloaded by a run with it there",
                    worker=socket.gethostname(),
                    place=place,
                )
        self._model  # noqa: B018  (is made)


def is_here(place: str) -> bool:
    """Whether a folder or a model is on this machine."""
    on_disk = os.path.exists(os.path.expanduser(place)) or locate.is_embedded(place)
    return on_disk or (locate.is_id(place) and not locate.would_download(place))


def _sendable(error: Exception) -> Exception:
    """The error; in words where it cannot be sent."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
