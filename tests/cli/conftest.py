"""The command, run in an empty folder, and a stand-in for what makes the videos."""

from __future__ import annotations

import logging
import warnings

import numpy as np
import pytest

import ppt2v.model
from ppt2v.cli import app
from ppt2v.progress import Progress


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Runs the command in an empty folder; returns exit code, standard output and standard error."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        with warnings.catch_warnings(), pytest.raises(SystemExit) as end:
            app.main(arguments)
        logging.disable(logging.NOTSET)
        return (end.value.code or 0, *capsys.readouterr())

    return call


@pytest.fixture
def made(monkeypatch) -> list[dict]:
    """Replaces Model; what it was told, run by run."""
    runs = []

    class Recorder:
        def __init__(self, **machine):
            self.machine = machine

        def run(self, mode, callback=None, return_frames=False, **parameters):
            runs.append({"mode": mode, "parameters": parameters, **self.machine})
            if callback:
                callback(Progress("Denoising", 1, 2))
            path = parameters.get("save_path", "made.mp4") if return_frames else "made.mp4"
            return (path, np.full((6, 32, 48, 3), len(runs), np.uint8)) if return_frames else path

    monkeypatch.setattr(ppt2v.model, "Model", Recorder)
    return runs
