"""The tasks of a batch on Ray: actors of a cluster, or of this machine where no cluster is named (RAY_ADDRESS).

Every machine of a cluster has ppt2v installed, and sees the clips, the models and the output under the same paths.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ppt2v.environment.threads import threads
from ppt2v.errors import InputError

from .worker import ATTEMPTS, LOST, Result, Task, Worker


def run_tasks(
    tasks: Iterable[Task], workers: int, machine: Mapping[str, Any], worker: type[Worker] = Worker
) -> Iterator[Result]:
    """Does the tasks; gives their results as they come, and ends its actors with the last one."""
    try:
        import ray
    except ModuleNotFoundError:
        raise InputError("E-RAY-MISSING", "the runner ray needs Ray: pip install 'ppt2v[ray]'") from None
    with _connected(ray, workers):
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
    graphics = 1 if str(machine.get("device")).startswith(("cuda", "gpu")) else 0
    actor = ray.remote(
        num_cpus=1,
        num_gpus=graphics,
        max_restarts=-1,
        max_task_retries=ATTEMPTS - 1,
        runtime_env={"env_vars": {"OMP_NUM_THREADS": str(threads())}},
    )(worker)
    return [actor.remote(dict(machine)) for _ in range(workers)]


@contextmanager
def _connected(ray, workers: int) -> Iterator[None]:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would report itself to its makers
    address = os.environ.get("RAY_ADDRESS", "local")
    own = {"num_cpus": workers, "include_dashboard": False} if address == "local" else {}
    ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **own)
    try:
        yield
    finally:
        ray.shutdown()
