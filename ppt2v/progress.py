"""How far a run is, for whoever waits for it: a bar on the terminal, a web page, a queue of jobs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
        control_map: what guides the run, uint8 RGB ``[F, H, W, 3]``, when it is complete.
    """

    stage: str
    done: int = 0
    total: int | None = None
    preview: Callable[[], np.ndarray] | None = None
    control_map: np.ndarray | None = None


# Called again and again during a run; what it raises (``errors.Cancelled``) stops the run, which then writes nothing.
Watch = Callable[[Progress], None]


def _console():
    from rich.console import Console

    return Console(stderr=True)


def say(message: str) -> None:
    """Prints a message beside the results: on standard error, in a notebook below the cell."""
    console = _console()
    if console.is_jupyter:
        print(message)  # rich would not wrap it there
    else:
        console.print(message, highlight=False, markup=False, soft_wrap=True)


@contextmanager
def bars(shown: bool, watch: Watch | None = None) -> Iterator[Watch]:
    """Yields a watch that draws a bar for each stage, with the remaining time, if ``shown``, and tells ``watch``."""
    with ExitStack() as until_the_end:
        watches = ([_drawing(until_the_end)] if shown else []) + ([watch] if watch else [])

        def tell(progress: Progress) -> None:
            for each in watches:
                each(progress)

        yield tell


def _drawing(until_the_end: ExitStack) -> Watch:
    console = _console()
    return _on_notebook(until_the_end) if console.is_jupyter else _on_terminal(until_the_end, console)


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
            tasks[progress.stage] = drawn.add_task(progress.stage, total=None)
        drawn.update(tasks[progress.stage], completed=progress.done, total=progress.total)

    return draw


def _on_notebook(until_the_end: ExitStack) -> Watch:
    """Lines of text: rich shows nothing in a notebook that lacks ipywidgets, as many do."""
    from tqdm import tqdm

    layout, lines = "{desc} {bar:30} {n_fmt}/{total_fmt} {elapsed}<{remaining}", {}

    def draw(progress: Progress) -> None:
        if progress.stage not in lines:  # on standard output, since standard error has a red background
            line = tqdm(desc=progress.stage, bar_format=layout, file=sys.stdout)
            lines[progress.stage] = until_the_end.enter_context(line)
        line = lines[progress.stage]
        line.total = progress.total
        line.update(progress.done - line.n)

    return draw


def counted(items: Iterable, total: int, stage: str, watch: Watch) -> Iterator:
    """Passes the items on and tells of each."""
    watch(Progress(stage))
    for done, item in enumerate(items, start=1):
        yield item
        watch(Progress(stage, done, total))
