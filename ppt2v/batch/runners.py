"""Who makes the videos of a batch: this process, several on this machine, or Ray's actors on several machines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ppt2v.environment.devices import cards, device_name
from ppt2v.workers.runners import opened

from .worker import Result, Task, Worker, said_of


def run(
    runner: str, tasks: Iterable[Task], workers: int, machine: Mapping[str, Any], show_progress: bool
) -> Iterator[Result]:
    """Does the tasks; gives their results as they come.

    Args:
        runner: one of ``workers.runners.RUNNERS``.
        workers: how many do them at once.
        machine: the arguments of ``Model``.
        show_progress: as for ``Model``, where there is one worker.

    Raises:
        InputError: the runner cannot be had.
    """
    if runner == "local" and workers == 1:
        return map(Worker(machine, show_progress).make, tasks)
    return shared_out(runner, tasks, workers, machine)


def shared_out(
    runner: str, tasks: Iterable[Task], workers: int, machine: Mapping[str, Any], worker: type[Worker] = Worker
) -> Iterator[Result]:
    """As ``run``, by workers of their own, which end with the last result."""
    device = device_name(machine.get("device"))
    graphics = cards(device) if runner == "local" else 0
    with opened(runner, workers, worker, (dict(machine),), device, graphics) as pool:
        asked = {pool.ask("make", task): task for task in tasks}
        for each in pool.done(asked):
            assert each.answer is not None
            error = each.answer.error
            yield Result(asked[each].number, said_of(error)) if error else each.value
