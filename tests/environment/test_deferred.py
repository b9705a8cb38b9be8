"""Modules that libraries import and seldom use are read when something in them is asked for."""

from __future__ import annotations

import subprocess
import sys
from importlib import util

import pytest

from ppt2v.environment import deferred

CODE = """
import sys, ppt2v, ppt2v.pipelines.latent_diffusion
read = ["httpx._api", "numpy.f2py.f2py2e", "scipy.optimize"]
print([name for name in read if name in sys.modules])
import httpx, numpy.f2py, scipy.integrate
print(scipy.integrate.quad(abs, 0, 1)[0], httpx.URL("http://a/b").path, numpy.f2py.get_include()[-3:])
print([name for name in read if name in sys.modules])
"""


def test_they_are_not_read_at_the_start_and_do_what_they_should_then():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "0.5 /b src", "['httpx._api', 'numpy.f2py.f2py2e', 'scipy.optimize']"]


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Makes a module of that text, which is not read yet."""

    def make(text: str):
        (tmp_path / "seldom_used.py").write_text(text)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setattr(deferred, "_DEFERRED", ("seldom_used",))
        spec = deferred._Deferring().find_spec("seldom_used")
        made = util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "seldom_used", made)
        spec.loader.exec_module(made)
        return made

    return make


def test_a_name_that_is_missing_is_told_as_ever(module):
    with pytest.raises(AttributeError, match="module 'seldom_used' has no attribute 'there'"):
        module("here = 1").there  # noqa: B018


def test_a_module_answers_for_further_names_itself(module):
    assert module("def __getattr__(name): return name.upper()").there == "THERE"


def test_a_module_that_looks_at_itself_while_it_is_read_finds_what_is_there(module):
    text = "import seldom_used\nhere = 1\nfound = [hasattr(seldom_used, name) for name in ('here', 'there')]\nthere = 2"
    assert module(text).found == [True, False]


def test_a_module_that_cannot_be_read_says_so_each_time(module):
    broken = module("1 / 0")
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            broken.there  # noqa: B018
