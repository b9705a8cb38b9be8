"""What a monitoring system asks a service: its queue, its jobs, its workers and the memory that they take.

In Prometheus' text format (https://prometheus.io/docs/instrumenting/exposition_formats), version 0.0.4.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

from ppt2v.environment.memory import resident
from ppt2v.version import __version__

from .job import CANCELLED, DONE, FAILED, RUNNING, STATES, Job
from .queue import Jobs

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class _Sum:
    """Seconds that were measured, and how often."""

    def __init__(self) -> None:
        self.seconds, self.count = 0.0, 0

    def add(self, seconds: float, count: int = 1) -> None:
        self.seconds, self.count = self.seconds + max(seconds, 0.0), self.count + count


class Metrics:
    """A listener of ``Jobs`` that counts what happens from now on."""

    def __init__(self, jobs: Jobs):
        self._jobs, self._lock = jobs, threading.Lock()
        self._running: dict[str, Job] = {}
        self._finished, self._failures = Counter(dict.fromkeys((DONE, FAILED, CANCELLED), 0)), Counter[str]()
        self._steps: defaultdict[str, _Sum] = defaultdict(_Sum)
        self._waited, self._ran = _Sum(), _Sum()

    def __call__(self, job: Job) -> None:
        """Counts what has changed of a job."""
        with self._lock:
            before = self._running.pop(job.id, None)
            if job.state == RUNNING:
                self._running[job.id] = job
                self._step(before, job)
            if job.finished:
                self._end(job)

    def _step(self, before: Job | None, job: Job) -> None:
        if before is None:
            self._waited.add((job.started or 0.0) - job.submitted)
        elif before.stage == job.stage and before.done < job.done:
            self._steps[_name(job.stage)].add(job.reported - before.reported, job.done - before.done)

    def _end(self, job: Job) -> None:
        self._finished[job.state] += 1
        if job.state == DONE and job.started and job.ended:
            self._ran.add(job.ended - job.started)
        if job.error is not None:
            self._failures[job.error.code or ""] += 1

    def text(self) -> str:
        """All of it, as it stands."""
        states = Counter(job.state for job in self._jobs.all())  # not within the lock, which is taken within theirs
        with self._lock:
            return "".join(f"{line}\n" for line in self._lines(states))

    def _lines(self, states: Mapping[str, int]) -> Iterator[str]:
        yield from _family("info", "gauge", "The version of ppt2v.")
        yield _sample("info", 1, version=__version__)
        yield from _family("jobs", "gauge", "Jobs in the list, by state; those that are queued are the queue's length.")
        yield from (_sample("jobs", states[state], state=state) for state in STATES)
        yield from _family("queue_capacity", "gauge", "Most jobs that may wait.")
        yield _sample("queue_capacity", self._jobs.capacity)
        yield from _family("jobs_finished_total", "counter", "Jobs that were finished, by state.")
        yield from (_sample("jobs_finished_total", number, state=state) for state, number in self._finished.items())
        yield from _family("failures_total", "counter", "Jobs that have failed, by the code of their error.")
        yield from (_sample("failures_total", number, code=code) for code, number in self._failures.items())
        yield from _family("step_seconds", "summary", "Time that a step takes, by stage.")
        for stage, steps in self._steps.items():
            yield from _summary("step_seconds", steps, stage=stage)
        yield from _family("wait_seconds", "summary", "Time that a job waits.")
        yield from _summary("wait_seconds", self._waited)
        yield from _family("run_seconds", "summary", "Time that a job which is done has taken, without waiting.")
        yield from _summary("run_seconds", self._ran)
        yield from self._worker_lines()

    def _worker_lines(self) -> Iterator[str]:
        seats = self._jobs.seats
        busy = sum(seat.job is not None for seat in seats)
        yield from _family("workers", "gauge", "Workers, by whether they have a job.")
        yield _sample("workers", busy, state="busy")
        yield _sample("workers", len(seats) - busy, state="free")
        yield from _family("workers_lost_total", "counter", "Workers that have died and were started anew.")
        yield _sample("workers_lost_total", sum(seat.maker.losses for seat in seats))
        yield from _family("resident_memory_bytes", "gauge", "Memory, by process.")
        yield _sample("resident_memory_bytes", resident(), process="service")
        for number, memory in enumerate((seat.maker.memory for seat in seats), 1):
            if memory is not None:
                yield _sample("resident_memory_bytes", memory, process=f"worker {number}")


def _name(stage: str | None) -> str:
    """The stage without what is said of it in brackets."""
    return (stage or "").partition(" (")[0]


def _family(name: str, kind: str, about: str) -> Iterator[str]:
    yield f"# HELP ppt2v_{name} {about}"
    yield f"# TYPE ppt2v_{name} {kind}"


def _summary(name: str, measured: _Sum, /, **labels: str) -> Iterator[str]:
    yield _sample(f"{name}_sum", measured.seconds, **labels)
    yield _sample(f"{name}_count", measured.count, **labels)


def _sample(name: str, value: float, /, **labels: str) -> str:
    return f"ppt2v_{name}{_labels(labels)} {value}"


def _labels(labels: Mapping[str, str]) -> str:
    said = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{said}}}" if said else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
