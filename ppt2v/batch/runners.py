"""Who makes the videos of a batch: this process, several on this machine, or Ray's actors on several machines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from . import local_runner, ray_runner
from .worker import Result, Task, Worker

RUNNERS: dict[str, Callable[..., Iterator[Result]]] = {"local": local_runner.run_tasks, "ray": ray_runner.run_tasks}


def run(
    runner: str, tasks: Iterable[Task], workers: int, machine: Mapping[str, Any], show_progress: bool
) -> Iterator[Result]:
    """Does the tasks; gives their results as they come.

    Args:
        runner: a key of ``RUNNERS``.
        workers: how many do them at once.
        machine: the arguments of ``Model``.
        show_progress: as for ``Model``, where there is one worker.

    Raises:
        InputError: the runner is not installed.
    """
    if runner == "local" and workers == 1:
        return map(Worker(machine, show_progress).make, tasks)
    return RUNNERS[runner](tasks, workers, machine)
