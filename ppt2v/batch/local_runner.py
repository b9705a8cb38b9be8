"""The tasks of a batch in several processes of this machine, which share its cores."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing import connection, get_context
from typing import Any

from ppt2v.environment.quiet import quiet_process

from .parent import end_with_parent, unreached_by_ctrl_c
from .worker import ATTEMPTS, LOST, Result, Task, Worker, threads_each


def run_tasks(
    tasks: Iterable[Task], workers: int, machine: Mapping[str, Any], worker: type[Worker] = Worker
) -> Iterator[Result]:
    """Does the tasks; gives their results as they come, and ends its processes with the last one."""
    waiting = deque((task, 1) for task in tasks)  # and how often it will have been begun
    busy: dict[connection.Connection, _Process] = {}
    try:
        while waiting or busy:
            while waiting and len(busy) < workers:
                process = _Process(worker, machine, threads_each(workers))
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

    def __init__(self, worker: type[Worker], machine: Mapping[str, Any], threads: int):
        context = get_context("spawn")  # a forked process would share what Paddle holds
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, worker, dict(machine)), daemon=True)
        with _threads_of_children(threads), unreached_by_ctrl_c():
            self._process.start()
        theirs.close()  # so that the pipe breaks with the process

    def begin(self, task: Task, attempt: int) -> None:
        """Gives it a task."""
        self.task, self.attempt = task, attempt
        with suppress(OSError):  # it has died in between, which ``result`` will tell
            self.pipe.send(task)

    def result(self) -> Result | None:
        """What has become of the task; None where the process has died over it."""
        with suppress(EOFError, OSError):
            return self.pipe.recv()
        return None

    def end(self) -> None:
        """Ends it, whatever it does."""
        self.pipe.close()
        self._process.terminate()
        self._process.join()


def _work(pipe: connection.Connection, worker: type[Worker], machine: dict[str, Any]) -> None:
    end_with_parent()
    quiet_process()
    make = worker(machine).make
    with suppress(EOFError, OSError):  # the parent is gone
        while True:
            pipe.send(make(pipe.recv()))


@contextmanager
def _threads_of_children(number: int) -> Iterator[None]:
    before = os.environ["OMP_NUM_THREADS"]  # which ``threads.use_all_cores`` has set
    os.environ["OMP_NUM_THREADS"] = str(number)
    try:
        yield
    finally:
        os.environ["OMP_NUM_THREADS"] = before
