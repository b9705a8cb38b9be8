"""What a run tells the person who waits for it."""
from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager

Report = Callable[[int, int], None]


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


def bar(description: str, shown: bool) -> AbstractContextManager[Report]:
    """A progress bar with the remaining time; gives a function that takes what is done and the total."""
    if not shown:
        return _no_bar()
    console = _console()
    return _notebook_bar(description) if console.is_jupyter else _terminal_bar(description, console)


@contextmanager
def _no_bar() -> Iterator[Report]:
    yield lambda done, total: None


@contextmanager
def _terminal_bar(description: str, console) -> Iterator[Report]:
    from rich.progress import (
        BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    )

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn()
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(description, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@contextmanager
def _notebook_bar(description: str) -> Iterator[Report]:
    """One line of text: rich shows nothing in a notebook that lacks ipywidgets, as many do."""
    from tqdm import tqdm

    layout = "{desc} {bar:30} {n_fmt}/{total_fmt} {elapsed}<{remaining}"
    with tqdm(desc=description, bar_format=layout, file=sys.stdout) as line:  # standard error has a red background

        def report(done: int, total: int) -> None:
            line.total = total
            line.update(done - line.n)

        yield report


def counted(items: Iterable, total: int, report: Report) -> Iterator:
    """Passes the items on and reports each."""
    for done, item in enumerate(items, start=1):
        yield item
        report(done, total)
