"""A worker of the queue in a process of its own: what it is asked, what it answers, and what it does."""

from __future__ import annotations

import functools
import pickle
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import connection
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ppt2v.environment.memory import resident
from ppt2v.errors import Cancelled
from ppt2v.progress import Progress, Watch

from .previews import PreviewWatch

if TYPE_CHECKING:
    import numpy as np

HELLO = "hello"  # asks for an ``End`` without a video, once the worker can make some
GO_ON, STOP = "go on", "stop"  # follow on each ``Report``


class Model(Protocol):
    """What makes the videos: ``ppt2v.Model``."""

    def run(self, mode: str, callback: Watch | None = None, **given: Any) -> str:
        """Makes a video and returns its path."""


class Task(NamedTuple):
    """A video to make: its mode and parameters, ``save_path`` among them."""

    mode: str
    given: dict[str, Any]


class Report(NamedTuple):
    """How far it is: as in ``Progress``, but for the preview, which is computed. The control map comes once."""

    stage: str
    done: int
    total: int | None
    preview: np.ndarray | None
    control_map: np.ndarray | None


class End(NamedTuple):
    """The path of the video, or the error, and where that was raised, for the log."""

    path: str | None = None
    error: Exception | None = None
    trace: str = ""


class Answer(NamedTuple):
    """What the worker says, and the bytes of memory that it takes."""

    said: Report | End
    memory: int


def work(pipe: connection.Connection, make: Callable[[], Model]) -> None:
    """Answers what comes through the pipe, until it breaks; ``make`` is called once, and makes what makes videos."""
    with suppress(EOFError, OSError):
        _Worker(pipe, make).work()


class _Worker:
    def __init__(self, pipe: connection.Connection, make: Callable[[], Model]):
        self._pipe, self._make = pipe, make
        self._map_told = False

    @functools.cached_property
    def _model(self) -> Model:
        return self._make()

    def work(self) -> None:
        while True:
            asked = self._pipe.recv()
            self._say(self._end_of(asked if isinstance(asked, Task) else None))

    def _end_of(self, task: Task | None) -> End:
        self._map_told = False
        try:
            model = self._model
            return End() if task is None else End(model.run(task.mode, PreviewWatch(self._report), **task.given))
        except Exception as error:  # whatever it is, the next one has its turn
            return End(error=_sendable(error), trace=traceback.format_exc())

    def _report(self, progress: Progress, preview: np.ndarray | None = None) -> None:
        control_map = None if self._map_told else progress.control_map
        self._map_told |= control_map is not None
        self._say(Report(progress.stage, progress.done, progress.total, preview, control_map))
        if self._pipe.recv() != GO_ON:
            raise Cancelled

    def _say(self, said: Report | End) -> None:
        self._pipe.send(Answer(said, resident()))


def _sendable(error: Exception) -> Exception:
    """The error; in words where it cannot be sent."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
