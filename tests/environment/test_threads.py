"""Paddle runs on all cores unless the user says otherwise, without a word about it."""

from __future__ import annotations

import builtins
import os
import subprocess
import sys

import pytest

from ppt2v.environment.threads import cores, import_paddle
from ppt2v.errors import InputError

THREADS = "import ppt2v, os; print(os.environ['OMP_NUM_THREADS'])"


@pytest.mark.parametrize(("given", "used"), [(None, str(cores())), ("1", "1"), ("3", "3")])
def test_the_users_number_wins(given, used):
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    environment |= {"OMP_NUM_THREADS": given} if given else {}
    done = subprocess.run([sys.executable, "-c", THREADS], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == used


@pytest.mark.parametrize(
    "code",
    [
        "from ppt2v.environment.threads import import_paddle; import_paddle()",
        "from ppt2v.runs.finishing import way_between; way_between({'interpolate_model': 'none.pkl'})",
    ],
)
def test_paddle_is_imported_without_its_notice(code):
    imported = f"import sys\ntry: {code}\nexcept ValueError: pass\nprint('paddle' in sys.modules)"
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}
    command = [sys.executable, "-c", imported]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"
    assert "OMP_NUM_THREADS" not in done.stderr


def test_missing_paddle_is_an_error_that_says_what_to_install(monkeypatch):
    def without_paddle(name, *args, **kwargs):
        if name == "paddle":
            raise ModuleNotFoundError("No module named 'paddle'", name="paddle")
        return real(name, *args, **kwargs)

    real = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", without_paddle)
    with pytest.raises(InputError, match=r"pip install 'ppt2v\[cpu\]'"):
        import_paddle()


def test_a_handler_of_sigterm_outlives_the_import_of_paddle():
    program = """
import os, signal
signal.signal(signal.SIGTERM, lambda *_: (print("handled", flush=True), os._exit(3)))
from ppt2v.environment.threads import import_paddle
import_paddle()
os.kill(os.getpid(), signal.SIGTERM)
signal.pause()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (3, "handled\n")
