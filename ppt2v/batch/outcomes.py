"""``ppt2v batch``: many videos from one file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ppt2v.errors import InputError
from ppt2v.models.sources import locate
from ppt2v.parameters import holding
from ppt2v.progress import Progress, bars

from .runners import run
from .worker import Task

if TYPE_CHECKING:
    from .rows import Row

DONE, SKIPPED, FAILED = "done", "skipped", "failed"
SHEET = "index.html"


class Outcome(NamedTuple):
    """The outcome of a row: ``state`` is done, skipped or failed."""

    row: Row
    state: str
    error: str | None = None


def standing(row: Row) -> Outcome | None:
    """Whether a row needs no run: its video is there, or another is in its place."""
    from ppt2v import video

    if not row.target.exists():
        return None
    try:
        differing = _differences(row, video.read_recipe(row.target))
    except InputError as error:
        return Outcome(row, FAILED, str(error))
    if not differing:
        return Outcome(row, SKIPPED)
    return Outcome(
        row, FAILED, f"{row.target.name} is another video ({', '.join(differing)}): delete it, or give the row a name"
    )


def _differences(row: Row, recipe: Mapping[str, Any]) -> list[str]:
    """In what the recipe is not what the row asks for."""
    from ppt2v.request.request import Request
    from ppt2v.runs.files import changed

    if recipe.get("mode") != row.mode.name:
        return [f"mode {recipe.get('mode')} instead of {row.mode.name}"]
    asked = Request.of(row.mode, row.given)
    asked = asked.with_defaults_of(locate.locate(asked.model_name))
    values = json.loads(json.dumps(asked.values))  # as recipes keep them
    free = {each.name for each in row.mode.parameters if each.decides == "nothing"}
    if asked.memory is not None:
        free.update(holding(row.mode.parameters, "machine"))
    others = [
        f"{name} {value} instead of {values.get(name)}"
        for name, value in recipe["parameters"].items()
        if name not in free and value != values.get(name)
    ]
    return others + [f"{name} with other contents" for name in changed(row.mode, values, recipe.get("files", {}))]


def made(
    rows: list[Row], runner: str, workers: int, machine: Mapping[str, Any], show_progress: bool
) -> Iterator[Outcome]:
    tasks = [
        Task(number, row.mode.name, {**row.given, "save_path": str(row.target)}) for number, row in enumerate(rows)
    ]
    workers = min(workers, len(tasks))
    if not tasks:
        return
    with bars(show_progress and workers > 1) as watch:
        watch(Progress("Videos", 0, len(tasks)))
        for done, result in enumerate(run(runner, tasks, workers, machine, show_progress), start=1):
            yield Outcome(rows[result.number], FAILED if result.error else DONE, result.error)
            watch(Progress("Videos", done, len(tasks)))


def table(outcomes: list[Outcome]):
    """The outcomes as a table of rich."""
    from rich.markup import escape
    from rich.table import Column, Table

    counts = ", ".join(f"{sum(each.state == state for each in outcomes)} {state}" for state in (DONE, SKIPPED, FAILED))
    shown = Table("Line", Column("File", overflow="fold"), "", caption=counts)
    for row, state, error in outcomes:
        why = f"{state}: {error}" if error else state
        shown.add_row(str(row.line), escape(row.target.name), escape(why), style="red" if state == FAILED else None)
    return shown
