"""How far a run is, for whoever waits for it: a bar on the terminal, a web page, a queue of jobs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .language import Message, translated, words

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Args:
        stage: what is being done, such as "Decoding".
        done, total: steps of frames, or frames; the total is None before the stage has begun.
        preview: computes the first frame as the last step took it for, uint8 RGB ``[H, W, 3]``, blurred at first;
            takes as long as decoding a frame does. None where there is no picture yet, or a finished one.
        frames: computes all of them likewise, uint8 RGB ``[F, H, W, 3]``; with a motion field F is 1 until the others
            branch off from the first.
        control_map: what guides the run, uint8 RGB ``[F, H, W, 3]``, when it is complete.
    """

    stage: str
    done: int = 0
    total: int | None = None
    preview: Callable[[], np.ndarray] | None = None
    frames: Callable[[], np.ndarray] | None = None
    control_map: np.ndarray | None = None


# Called again and again during a run; what it raises (``errors.Cancelled``) stops the run, which then writes nothing.
Watch = Callable[[Progress], None]


def _console():
    from rich.console import Console

    return Console(stderr=True)


def say(message: str | Message) -> None:
    """Prints a message beside the results: on standard error, in a notebook below the cell."""
    console = _console()
    if console.is_jupyter:
        print(message)  # rich would not wrap it there
    else:
        console.print(str(message), highlight=False, markup=False, soft_wrap=True)


@contextmanager
def bars(shown: bool, watch: Watch | None = None) -> Iterator[Watch]:
    """Yields a watch that tells ``watch`` and, if ``shown``, draws a bar for each stage, with the remaining time.

    Where standard error is no terminal, lines of text stand for the bars (``Lines``).
    """
    with ExitStack() as until_the_end:
        watches = ([_drawing(until_the_end)] if shown else []) + ([watch] if watch else [])

        def tell(progress: Progress) -> None:
            for each in watches:
                each(progress)

        yield tell


def _drawing(until_the_end: ExitStack) -> Watch:
    console = _console()
    if console.is_jupyter:
        return Cell()
    return _on_terminal(until_the_end, console) if console.is_terminal else Lines()


def _on_terminal(until_the_end: ExitStack, console) -> Watch:
    from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    drawn = Bars(*columns, console=console)
    tasks: dict[str, TaskID] = {}

    def draw(progress: Progress) -> None:
        if not tasks:  # not before: downloads draw bars of their own
            until_the_end.enter_context(drawn)
        if progress.stage not in tasks:
            tasks[progress.stage] = drawn.add_task(_shown(progress.stage), total=None)
        drawn.update(tasks[progress.stage], completed=progress.done, total=progress.total)

    return draw


def _shown(stage: str) -> str:
    """A stage in the language in force, with what is said of it in brackets."""
    name, bracket, rest = stage.partition(" (")
    return translated(name) + bracket + rest


class _Clock:
    """The seconds that a stage has taken and will probably take."""

    stage: str | None = None

    def __call__(self, progress: Progress) -> tuple[float, float | None]:
        """Seconds since the stage began, and those that remain; None where nothing is done."""
        now = time.monotonic()
        if progress.stage != self.stage:
            self.stage, self._began, self._done = progress.stage, now, progress.done
        taken, done = now - self._began, progress.done - self._done
        if progress.total is None or done <= 0:
            return taken, None
        return taken, taken / done * (progress.total - progress.done)


class Lines:
    """Prints how far a run is, for logs: a line at every tenth of a stage, and one where there was none for 30 s."""

    _PATIENCE = 30.0  # seconds

    def __init__(self):
        self._clock, self._stage = _Clock(), None

    def __call__(self, progress: Progress) -> None:
        taken, remaining = self._clock(progress)
        if progress.stage != self._stage:
            self._stage, self._tenth, self._said = progress.stage, 0, 0.0
        if not progress.total:
            return
        tenth = 10 * progress.done // progress.total
        if tenth > self._tenth or taken >= self._said + self._PATIENCE:
            self._tenth, self._said = tenth, taken
            line = words(
                "{stage}: {percent} % ({done}/{total}{left})",
                stage=_shown(progress.stage),
                percent=100 * progress.done // progress.total,
                done=progress.done,
                total=progress.total,
                left="" if remaining is None else words(", {seconds:.0f} s left", seconds=remaining),
            )
            say(line)


class Cell:
    """Shows how far a run is below the cell of a notebook: a line for each stage, all in one output that is replaced.

    Plain text, which every notebook shows, and without codes that move a cursor, which many do not know.
    """

    _PAUSE, _WIDTH = 0.2, 30  # seconds between two outputs; letters of a bar

    def __init__(self):
        self._clock, self._lines, self._handle, self._drawn = _Clock(), {}, None, 0.0

    def __call__(self, progress: Progress) -> None:
        line = self._line(progress, *self._clock(progress))
        is_edge = progress.stage not in self._lines or progress.done == progress.total
        self._lines[progress.stage] = line
        if is_edge or time.monotonic() - self._drawn >= self._PAUSE:
            self._draw()

    def _line(self, progress: Progress, taken: float, remaining: float | None) -> str:
        if not progress.total:
            return _shown(progress.stage)
        filled = self._WIDTH * progress.done // progress.total
        bar = "█" * filled + "░" * (self._WIDTH - filled)
        left = words(", {seconds:.0f} s left", seconds=remaining) if remaining else ""
        took = words("({taken:.0f} s{left})", taken=taken, left=left)
        return f"{_shown(progress.stage)} {bar} {progress.done}/{progress.total} {took}"

    def _draw(self) -> None:
        from IPython.display import display

        text = {"text/plain": "\n".join(self._lines.values())}
        if self._handle is None:
            self._handle = display(text, raw=True, display_id=True)
        else:
            self._handle.update(text, raw=True)
        self._drawn = time.monotonic()


class JsonLines:
    """Prints how far a run is on standard output, for programs: a line of JSON for each step."""

    def __init__(self):
        self._clock = _Clock()

    def __call__(self, progress: Progress) -> None:
        taken, remaining = self._clock(progress)
        told = {"stage": progress.stage, "done": progress.done, "total": progress.total, "seconds": round(taken, 3)}
        print(json.dumps({**told, "remaining": None if remaining is None else round(remaining, 3)}), flush=True)


def counted(items: Iterable, total: int, stage: str, watch: Watch) -> Iterator:
    """Passes the items on and tells of each."""
    watch(Progress(stage))
    for done, item in enumerate(items, start=1):
        yield item
        watch(Progress(stage, done, total))
