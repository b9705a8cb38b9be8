"""Who makes the videos of a queue: this process, or others, each with a model that stays loaded."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

from ppt2v.environment.devices import cards, device_name
from ppt2v.errors import Cancelled, InputError
from ppt2v.models.sources import locate
from ppt2v.progress import Progress, Watch
from ppt2v.workers.pool import Call, Place
from ppt2v.workers.runners import place_of

from .worker import End, Model, Report, Worker, is_here

_LOG = logging.getLogger(__name__)


class WorkerLost(Exception):
    """A worker has ended: killed for its memory, say.

    Args:
        over_it: whether it had begun with the video.
    """

    def __init__(self, over_it: bool = True):
        super().__init__("the worker has ended")
        self.over_it = over_it


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
        """Makes a video and returns its path; WorkerLost where there is no worker any more."""


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
    """Makes videos in a ``Worker`` of another process, which is started anew where it is lost.

    Args:
        place: where the workers are started.
    """

    def __init__(self, place: Place):
        self._place, self._worker = place, place.start()
        self.losses, self.memory = 0, 0
        self._closed = False

    def check(self, places: Iterable[str] = ()) -> None:
        """Waits until the worker can make videos; raises why it cannot, or WorkerLost.

        Args:
            places: folders and models that it needs too, where this process has them.
        """
        _path(self._said("check", [locate.from_anywhere(place) for place in places if is_here(place)]))

    def ready(self) -> bool:
        """As of ``Maker``."""
        try:
            self.check()
        except (InputError, WorkerLost) as error:
            if not self._closed:
                _LOG.error("a worker cannot be started: %s", error)
            return False
        return True

    def run(self, mode: str, callback: Watch, **given: Any) -> str:
        """As of ``Maker``."""
        try:
            self.check([str(Path(given["save_path"]).parent), *filter(None, [given.get("model_name")])])
        except WorkerLost:
            raise WorkerLost(over_it=False) from None
        said = self._said("begin", mode, given)
        while isinstance(said, Report):
            said = self._said("go_on", _wanted(callback, said))
        return _path(said)

    def close(self) -> None:
        """Ends the worker."""
        self._closed = True
        self._worker.end()

    def _said(self, method: str, *arguments: Any) -> Report | End:
        self._worker.begin(Call(method, arguments))
        answer = self._worker.answer()
        if answer is None:
            self.losses += 1
            self._worker.end()
            if not self._closed:
                self._start_anew()
            raise WorkerLost
        if answer.error is not None:
            raise answer.error
        said, self.memory = answer.value
        return said

    def _start_anew(self) -> None:
        """Starts another worker; where the machine has no room for one, the next call finds the lost one, and tries."""
        try:
            self._worker = self._place.start()
        except OSError as error:
            _LOG.error("a worker cannot be started: %s", error)


def _path(end: Any) -> Any:
    """What an ``End`` tells."""
    if end.error is not None:
        raise end.error from RuntimeError(f"in the worker:\n{end.trace}")
    return end.path


def _wanted(callback: Watch, said: Report) -> bool:
    """Tells of a report; whether more is wanted."""
    preview = None if said.preview is None else lambda: said.preview
    try:
        callback(Progress(said.stage, said.done, said.total, preview, control_map=said.control_map))
    except Cancelled:
        return False
    return True


@contextmanager
def started(
    runner: str, workers: int, make: Callable[[], Model], device: str | None = None, places: Iterable[str] = ()
) -> Iterator[list[Maker]]:
    """Yields so many, which make videos at once, and ends them; a single local one makes them in this process.

    Args:
        runner: one of ``workers.runners.RUNNERS``.
        make: makes what makes the videos; can be sent to other processes.
        device: of the videos.
        places: as of ``Elsewhere.check``.

    Raises:
        InputError: what ``make`` makes cannot work, the cluster cannot, or a worker lacks something.
    """
    if runner == "local" and workers == 1:
        yield [Here(make())]
        return
    device = device_name(device)
    graphics = cards(device) if runner == "local" else 0
    with place_of(runner, workers, Worker, (make,), device, graphics) as place, closing(place):
        others = [Elsewhere(place) for _ in range(workers)]
        try:
            for each in others:
                each.check(places)
            yield list(others)
        finally:
            for each in others:
                each.close()
