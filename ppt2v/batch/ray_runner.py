"""The tasks of a batch on Ray: actors of a cluster, or of this machine where no cluster is named (RAY_ADDRESS)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ppt2v.workers.cluster import joined, resources

from .worker import ATTEMPTS, LOST, Result, Task, Worker


def run_tasks(
    tasks: Iterable[Task], workers: int, machine: Mapping[str, Any], worker: type[Worker] = Worker
) -> Iterator[Result]:
    """Does the tasks; gives their results as they come, and ends its actors with the last one."""
    with joined(workers) as ray:
        waiting, idle = deque(tasks), _actors(ray, worker, workers, machine)
        busy: dict[Any, tuple[Any, Task]] = {}
        while waiting or busy:
            while waiting and idle:
                actor, task = idle.pop(), waiting.popleft()
                busy[actor.make.remote(task)] = actor, task
            (ready,), _ = ray.wait(list(busy))
            actor, task = busy.pop(ready)
            idle.append(actor)
            try:
                yield ray.get(ready)
            except ray.exceptions.RayActorError:
                yield Result(task.number, LOST)


def _actors(ray, worker: type[Worker], workers: int, machine: Mapping[str, Any]) -> list:
    """Actors that come back when they are lost, and then do their task again."""
    actor = ray.remote(max_restarts=-1, max_task_retries=ATTEMPTS - 1, **resources(machine.get("device")))(worker)
    return [actor.remote(dict(machine)) for _ in range(workers)]
