"""Who makes the videos of a model: this process alone, or workers beside it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from ppt2v.engine.choice import Choice
from ppt2v.environment.devices import cards
from ppt2v.environment.threads import cores, threads
from ppt2v.errors import InputError, Notice
from ppt2v.modes.machine import MACHINE
from ppt2v.pipelines.planning.anchors import FIRST, Anchors
from ppt2v.request.request import Request
from ppt2v.workers.runners import opened

from .crew import Crew
from .files import fingerprints
from .frame_worker import FrameWorker, Job

_MOST = 4  # processes for each core of this machine


class Team:
    """Who makes the videos of a model: this process alone, or workers.

    Args:
        workers: their number.
        runner: one of ``workers.runners.RUNNERS``; "local" with one worker is this process.

    Raises:
        InputError: a value that is not valid.
    """

    def __init__(self, workers: int = 1, runner: str = "local"):
        rules = {parameter.name: parameter for parameter in MACHINE}
        self.workers, self.runner = rules["workers"].check(workers), rules["runner"].check(runner)
        if self.runner == "local" and self.workers > _MOST * cores():
            raise InputError(
                "E-WORKERS-MANY",
                "workers={number}: this machine has {cores} processor cores; give {most} at most, or use the machines "
                "of a Ray cluster (runner=ray)",
                number=self.workers,
                cores=cores(),
                most=_MOST * cores(),
            )

    @property
    def alone(self) -> bool:
        """Whether this process makes them alone."""
        return self.workers == 1 and self.runner == "local"

    def check(self, request: Request, pipeline: type) -> None:
        """Refuses a run that cannot be shared."""
        if self.alone:
            return
        if not getattr(pipeline, "over_workers", False):
            raise InputError(
                "E-WORKERS-FAMILY",
                "workers={number}: the networks of {model} see all frames of a video together, which one worker does; "
                "leave workers out, or make several videos at once with `ppt2v batch --workers`",
                number=self.workers,
                model=request.model_name,
            )
        anchors, interval = request.values.get("anchors", FIRST), request.values.get("cache_interval", 1)
        if not Anchors.parse(anchors).only_first:
            raise InputError(
                "E-WORKERS-ANCHORS",
                "workers={number}, anchors={anchors}: frames would wait for those before them; use anchors=first, or "
                "leave workers out",
                number=self.workers,
                anchors=anchors,
            )
        if request.adapters.motion is not None and interval > 1:
            raise InputError(
                "E-WORKERS-CACHE",
                "workers={number}, cache_interval={interval}: with a motion module any worker makes a window's step, "
                "and has not what another kept of the one before; use cache_interval=1",
                number=self.workers,
                interval=interval,
            )

    @contextmanager
    def crew(self, request: Request, device: str, choice: Choice) -> Iterator[Crew | None]:
        """The workers of a run, for a block; None where this process makes it alone.

        Args:
            request: its values complete.
            device: that the workers compute on.
            choice: the engine that they compute with.

        Raises:
            InputError: there are no such workers, or one cannot do its part.
        """
        if self.alone:
            yield None
            return
        job = Job(request.mode.name, request.given, device, choice, fingerprints(request.mode, request.values))
        graphics = cards(device) if self.runner == "local" else 0
        with opened(self.runner, self.workers, FrameWorker, (), device, graphics) as pool:
            crew = Crew(pool, self.workers, job)
            if self.runner == "local":
                _warn_of_threads(self.workers)
            else:
                crew.check()
            yield crew


def _warn_of_threads(number: int) -> None:
    if number * threads() > cores():
        notice = Notice(
            "N-WORKERS-THREADS",
            "{number} workers compute on {threads} threads each, and there are {cores} processor cores: set "
            "OMP_NUM_THREADS to {fitting}",
            number=number,
            threads=threads(),
            cores=cores(),
            fitting=max(1, cores() // number),
        )
        warnings.warn(notice, stacklevel=2)
