"""PaddleNLP is imported as far as it is needed, and whole where something else of it is asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = "sorted({'datasets', 'pandas', 'sklearn', 'fastapi'} & set(sys.modules))"


def printed(code: str) -> list[str]:
    """What a process prints, on a line each, after it has imported what makes a video."""
    begins = "import sys, ppt2v, ppt2v.pipelines.latent_diffusion, paddlenlp\n"
    done = subprocess.run([sys.executable, "-c", begins + code], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_pipelines_need_no_tasks_and_no_data_sets():
    assert printed(f"print({HEAVY})") == ["[]"]


@pytest.mark.parametrize(
    "code",
    [
        "whole = paddlenlp.Taskflow.__name__ == 'Taskflow'",
        pytest.param(
            "from paddlenlp.trainer import Trainer\nwhole = paddlenlp.trainer is sys.modules['paddlenlp.trainer']",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_all_else_is_there_when_it_is_asked_for(code):
    assert printed(f"{code}\nprint(whole, hasattr(paddlenlp, 'nothing'), len({HEAVY}))") == ["True False 4"]
