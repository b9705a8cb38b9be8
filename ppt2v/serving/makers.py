"""Who makes the videos of a queue: this process, or others, each with a model that stays loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial
from typing import Any, Protocol

from ppt2v.environment.children import Child
from ppt2v.errors import Cancelled
from ppt2v.progress import Progress, Watch

from .worker import GO_ON, HELLO, STOP, End, Model, Report, Task, work


class WorkerLost(Exception):
    """A worker has ended over a video: killed for its memory, say."""


class Maker(Protocol):
    """Makes one video at a time.

    ``losses`` are the workers that were lost; ``memory`` is what the present one takes, in bytes, None where that is
    this process.
    """

    losses: int
    memory: int | None

    def run(self, mode: str, callback: Watch, **given: Any) -> str:
        """Makes a video and returns its path; WorkerLost where that has ended the worker, beside what it raises."""


class Here:
    """Makes videos in this process."""

    def __init__(self, model: Model):
        self.model = model
        self.losses, self.memory = 0, None  # type: int, int | None

    def run(self, mode: str, callback: Watch, **given: Any) -> str:
        """Makes a video and returns its path."""
        return self.model.run(mode, callback=callback, **given)


class Conversation(Protocol):
    """A worker that answers (``worker``)."""

    def ask(self, what: Any) -> Any:
        """The ``Answer``; WorkerLost if there comes none."""

    def end(self) -> None:
        """Ends it, whatever it does."""


class Elsewhere:
    """Makes videos in a worker, which is started anew where it is lost.

    Args:
        start: begins to start one.
    """

    def __init__(self, start: Callable[[], Conversation]):
        self._start, self._worker = start, start()
        self.losses, self.memory = 0, 0

    def check(self) -> None:
        """Waits until the worker can make videos; raises why it cannot, or WorkerLost."""
        _path(self._said(HELLO))

    def run(self, mode: str, callback: Watch, **given: Any) -> str:
        """As of ``Maker``."""
        with suppress(WorkerLost):  # while it had nothing to do; there is another one now
            self.check()
        said = self._said(Task(mode, given))
        while isinstance(said, Report):
            said = self._said(_reply(callback, said))
        return _path(said)

    def close(self) -> None:
        """Ends the worker."""
        self._worker.end()

    def _said(self, what: Any) -> Report | End:
        try:
            said, self.memory = self._worker.ask(what)
        except WorkerLost:
            self.losses += 1
            self._worker.end()
            self._worker = self._start()
            raise
        return said


def _path(end: Any) -> Any:
    """What an ``End`` tells."""
    if end.error is not None:
        raise end.error from RuntimeError(f"in the worker:\n{end.trace}")
    return end.path


def _reply(callback: Watch, said: Report) -> str:
    """What follows on a report."""
    preview = None if said.preview is None else lambda: said.preview
    try:
        callback(Progress(said.stage, said.done, said.total, preview, control_map=said.control_map))
    except Cancelled:
        return STOP
    return GO_ON


class Process:
    """A worker in a process of this machine.

    Args:
        make: as of ``worker.work``.
    """

    def __init__(self, make: Callable[[], Model]):
        self._child = Child(work, make)

    def ask(self, what: Any) -> Any:
        """As of ``Conversation``."""
        try:
            self._child.pipe.send(what)
            return self._child.pipe.recv()
        except (EOFError, OSError):
            raise WorkerLost from None

    def end(self) -> None:
        """As of ``Conversation``."""
        self._child.end()


@contextmanager
def started(workers: int, make: Callable[[], Model]) -> Iterator[list[Maker]]:
    """Yields so many, which make videos at once, and ends them; a single one makes them in this process.

    Args:
        make: makes what makes the videos; can be sent to other processes.

    Raises:
        InputError: what it makes cannot work.
    """
    if workers == 1:
        yield [Here(make())]
        return
    with ExitStack() as until_the_end:
        others = [until_the_end.enter_context(closing(Elsewhere(partial(Process, make)))) for _ in range(workers)]
        for each in others:
            each.check()
        yield list(others)
