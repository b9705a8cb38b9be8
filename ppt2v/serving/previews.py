"""Previews of a running job, as long as they cost little."""

from __future__ import annotations

import time
from collections.abc import Callable

from ppt2v.progress import Progress

_PREVIEW_SHARE = 0.2  # of a run's time, at most


class PreviewWatch:
    """Reports a run's progress, and adds previews as long as they cost little."""

    def __init__(self, report: Callable[..., None]):
        self._report, self._next_preview = report, 0.0

    def __call__(self, progress: Progress) -> None:
        self._report(progress)
        began = time.monotonic()
        if progress.preview and began >= self._next_preview:
            self._report(progress, progress.preview())
            ended = time.monotonic()
            self._next_preview = ended + (ended - began) / _PREVIEW_SHARE
