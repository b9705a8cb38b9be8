"""What a run tells the person who waits for it."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager


def _console():
    from rich.console import Console

    return Console(stderr=True)


def say(message: str) -> None:
    """Prints a message beside the results, on standard error."""
    _console().print(message, highlight=False, markup=False, soft_wrap=True)


@contextmanager
def bar(description: str, shown: bool) -> Iterator[Callable[[int, int], None]]:
    """A progress bar with the remaining time; yields a function that takes what is done and the total."""
    if not shown:
        yield lambda done, total: None
        return
    from rich.progress import (
        BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    )

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn()
    )
    with Progress(*columns, console=_console()) as progress:
        task = progress.add_task(description, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def counted(items: Iterable, total: int, report: Callable[[int, int], None]) -> Iterator:
    """Passes the items on and reports each."""
    for done, item in enumerate(items, start=1):
        yield item
        report(done, total)
