"""Modules that libraries import and seldom use are read when something in them is asked for."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys, ppt2v, ppt2v.pipelines.latent_diffusion
print("scipy.optimize" in sys.modules)
import scipy.integrate
print(scipy.integrate.quad(abs, 0, 1)[0], "scipy.optimize" in sys.modules)
"""


def test_they_are_not_read_at_the_start_and_do_what_they_should_then():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["False", "0.5 True"]
