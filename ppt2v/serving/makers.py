"""Who makes the videos of a queue: this process, or others, each with a model that stays loaded."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from ppt2v.errors import Cancelled, InputError
from ppt2v.models.sources import locate
from ppt2v.progress import Progress, Watch
from ppt2v.workers.cluster import joined

from .conversations import Conversation, Process, RayActor, WorkerLost
from .worker import GO_ON, STOP, End, Hello, Model, Report, Task, is_here

_LOG = logging.getLogger(__name__)


class Maker(Protocol):
    """Makes one video at a time.

    ``losses`` are the workers that were lost; ``memory`` is what the present one takes, in bytes, None where that is
    this process.
    """

    losses: int
    memory: int | None

    def ready(self) -> bool:
        """Waits until it can make a video; False where it cannot for now, as the log says."""

    def run(self, mode: str, callback: Watch, **given: Any) -> str:
        """Makes a video and returns its path; WorkerLost where that has ended the worker, beside what it raises."""


class Here:
    """Makes videos in this process."""

    def __init__(self, model: Model):
        self.model = model
        self.losses, self.memory = 0, None  # type: int, int | None

    def ready(self) -> bool:
        """It can."""
        return True

    def run(self, mode: str, callback: Watch, **given: Any) -> str:
        """Makes a video and returns its path."""
        return self.model.run(mode, callback=callback, **given)


class Elsewhere:
    """Makes videos in a worker, which is started anew where it is lost.

    Args:
        start: begins to start one.
    """

    def __init__(self, start: Callable[[], Conversation]):
        self._start, self._worker = start, start()
        self.losses, self.memory = 0, 0

    def check(self, *places: str) -> None:
        """Waits until the worker can make videos; raises why it cannot, or WorkerLost.

        Args:
            places: as of ``Hello``.
        """
        _path(self._said(Hello(places)))

    def ready(self) -> bool:
        """As of ``Maker``."""
        try:
            self.check()
        except (InputError, WorkerLost) as error:
            _LOG.error("a worker cannot be started: %s", error)
            return False
        return True

    def run(self, mode: str, callback: Watch, **given: Any) -> str:
        """As of ``Maker``."""
        places = needed([str(Path(given["save_path"]).parent), *filter(None, [given.get("model_name")])])
        try:
            self.check(*places)
        except WorkerLost:  # while it had nothing to do; there is another one now
            self.check(*places)
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


def needed(names: Iterable[str]) -> list[str]:
    """Which of the folders and models a worker needs too, since this process has them."""
    return [locate.from_anywhere(name) for name in names if is_here(name)]


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


@contextmanager
def started(
    runner: str, workers: int, make: Callable[[], Model], device: str | None = None, places: Iterable[str] = ()
) -> Iterator[list[Maker]]:
    """Yields so many, which make videos at once, and ends them; a single local one makes them in this process.

    Args:
        runner: "local": processes of this machine; "ray": actors of a cluster.
        make: makes what makes the videos; can be sent to other processes.
        device: of the videos.
        places: folders and models that the workers will need, where this process has them.

    Raises:
        InputError: what ``make`` makes cannot work, the cluster cannot, or a worker lacks something.
    """
    if runner == "local" and workers == 1:
        yield [Here(make())]
        return
    with ExitStack() as until_the_end:
        start: Callable[[], Conversation] = partial(Process, make)
        if runner == "ray":
            start = partial(RayActor, until_the_end.enter_context(joined(workers)), make, device)
        others = [until_the_end.enter_context(closing(Elsewhere(start))) for _ in range(workers)]
        for each in others:
            each.check(*needed(places))
        yield list(others)
