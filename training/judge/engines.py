"""The engines that the judges make pictures with, in any precision."""

from __future__ import annotations

from ppt2v.engine import Engine
from ppt2v.engine.choice import Choice, build
from ppt2v.modes import MODES
from ppt2v.progress import Progress
from ppt2v.request.request import Request
from ppt2v.runs.loaded import Loaded
from ppt2v.runs.samples import Samples, sample


def engine_for(choice: Choice, mode: str, model: str) -> Engine:
    """One that knows the sample runs of a mode with a model."""
    row = MODES[mode]
    request = Request.of(row, {**sample(row, 0), "model_name": model})
    engine = build(choice)
    engine.samples = Samples(request, Loaded("cpu", choice.network), _unseen)
    return engine


def _unseen(progress: Progress) -> None:
    pass
