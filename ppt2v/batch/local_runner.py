"""The tasks of a batch in several processes of this machine, each on as many threads as this one."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from multiprocessing import connection
from typing import Any

from ppt2v.environment.children import Child

from .worker import ATTEMPTS, LOST, Result, Task, Worker


def run_tasks(
    tasks: Iterable[Task], workers: int, machine: Mapping[str, Any], worker: type[Worker] = Worker
) -> Iterator[Result]:
    """Does the tasks; gives their results as they come, and ends its processes with the last one."""
    waiting = deque((task, 1) for task in tasks)  # and how often it will have been begun
    busy: dict[Any, _Process] = {}  # by pipe
    try:
        while waiting or busy:
            while waiting and len(busy) < workers:
                process = _Process(worker, machine)
                busy[process.pipe] = process
                process.begin(*waiting.popleft())
            for pipe in connection.wait(list(busy)):
                process, task, attempt = busy[pipe], busy[pipe].task, busy[pipe].attempt
                result = process.result()
                if result is None and attempt < ATTEMPTS:
                    waiting.appendleft((task, attempt + 1))
                if result is not None and waiting:
                    process.begin(*waiting.popleft())
                else:
                    busy.pop(pipe).end()
                if result is not None or attempt == ATTEMPTS:
                    yield result or Result(task.number, LOST)
    finally:
        for process in busy.values():
            process.end()


class _Process:
    """A process that does one task at a time; ``pipe`` is ready when it is done, or dead."""

    task: Task
    attempt: int

    def __init__(self, worker: type[Worker], machine: Mapping[str, Any]):
        self._child = Child(_work, worker, dict(machine))
        self.pipe, self.end = self._child.pipe, self._child.end

    def begin(self, task: Task, attempt: int) -> None:
        """Gives it a task."""
        self.task, self.attempt = task, attempt
        with suppress(OSError):  # it has died in between, which ``result`` will tell
            self.pipe.send(task)

    def result(self) -> Result | None:
        """The outcome of the task; None where the process has died over it."""
        with suppress(EOFError, OSError):
            return self.pipe.recv()
        return None


def _work(pipe: connection.Connection, worker: type[Worker], machine: dict[str, Any]) -> None:
    make = worker(machine).make
    with suppress(EOFError, OSError):  # the parent is gone
        while True:
            pipe.send(make(pipe.recv()))
