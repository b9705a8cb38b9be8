"""``ppt2v batch``: many videos from one file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ppt2v.errors import InputError
from ppt2v.language import Message, translated, words
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
    error: Message | None = None


def standing(row: Row) -> Outcome | None:
    """Whether a row needs no run: its video is there, or another is in its place."""
    from ppt2v import video

    if not row.target.exists():
        return None
    try:
        differing = _differences(row, video.read_recipe(row.target))
    except InputError as error:
        return Outcome(row, FAILED, error.message)
    if not differing:
        return Outcome(row, SKIPPED)
    other = Message(
        "E-BATCH-OTHER-VIDEO",
        "{name} is another video ({differing}): delete it, or give the row a name",
        name=row.target.name,
        differing=differing,
    )
    return Outcome(row, FAILED, other)


def _differences(row: Row, recipe: Mapping[str, Any]) -> list[Message]:
    """In what the recipe is not what the row asks for."""
    from ppt2v.request.request import Request
    from ppt2v.runs.files import changed

    if recipe.get("mode") != row.mode.name:
        return [
            words("{name} {given} instead of {wanted}", name="mode", given=recipe.get("mode"), wanted=row.mode.name)
        ]
    asked = Request.of(row.mode, row.given)
    asked = asked.with_defaults_of(locate.locate(asked.model_name))
    values = json.loads(json.dumps(asked.values))  # as recipes keep them
    free = {each.name for each in row.mode.parameters if each.decides == "nothing"}
    if asked.memory is not None:
        free.update(holding(row.mode.parameters, "machine"))
    others = [
        words("{name} {given} instead of {wanted}", name=name, given=str(value), wanted=str(values.get(name)))
        for name, value in recipe["parameters"].items()
        if name not in free and value != values.get(name)
    ]
    return others + [
        words("{name} with other contents", name=name) for name in changed(row.mode, values, recipe.get("files", {}))
    ]


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

    counts = {state: sum(each.state == state for each in outcomes) for state in (DONE, SKIPPED, FAILED)}
    caption = str(words("{done} done, {skipped} skipped, {failed} failed", **counts))
    shown = Table(translated("Line"), Column(translated("File"), overflow="fold"), "", caption=caption)
    for row, state, error in outcomes:
        why = f"{translated(state)}: {error} [{error.code}]" if error else translated(state)
        shown.add_row(str(row.line), escape(row.target.name), escape(why), style="red" if state == FAILED else None)
    return shown
