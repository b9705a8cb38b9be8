"""``ppt2v doctor``: broken installations are found and the remedy is named."""

from __future__ import annotations

import importlib.util
import shutil
import sys

import pytest
from packaging.requirements import Requirement

import ppt2v.environment.versions
from ppt2v.cli import doctor
from ppt2v.models.sources import downloads, locate

PADDLE = {"paddlepaddle": "3.3.1"}
WORKS, FAILS = {"found": ""}, {"error": "ImportError: something"}


@pytest.fixture
def machine(monkeypatch):
    """An installation as wished: versions by distribution, outcomes of the trials by name."""

    def make(versions: dict[str, str], trials: dict[str, dict[str, str]], requirements: list[str]) -> dict:
        versions, lines = {"ppt2v": "0.1.0", **versions}, [*requirements, 'paddlepaddle<4,>=2.6.2; extra == "cpu"']
        monkeypatch.setattr(doctor, "version_of", versions.get)
        monkeypatch.setattr(ppt2v.environment.versions, "version_of", versions.get)
        monkeypatch.setattr(doctor.metadata, "requires", lambda name: lines)
        monkeypatch.setattr(doctor, "_try", lambda names: {name: trials.get(name, WORKS) for name in names})
        return {finding.subject: finding for finding in doctor.examine()}

    return make


def test_all_is_well(machine):
    found = machine({**PADDLE, "numpy": "1.26.4"}, {}, ["numpy<2,>=1.23"])
    assert {"paddlepaddle", "numpy", "device", "video", "threads"} <= found.keys()
    assert not any(found[name].remedy for name in ("paddlepaddle", "numpy", "device", "video", "threads"))


def test_a_package_outside_its_range_is_mended_and_not_those_that_it_breaks(machine):
    found = machine(
        {**PADDLE, "numpy": "2.1.0", "ppdiffusers": "0.29.0"},
        {"ppdiffusers": FAILS, "device": FAILS},
        ["numpy<2,>=1.23", "ppdiffusers>=0.29"],
    )
    assert found["numpy"].remedy == f'pip install "{Requirement("numpy<2,>=1.23")}"'
    assert found["ppdiffusers"].remedy == found["device"].remedy
    assert "look again" in found["ppdiffusers"].remedy


def test_ppdiffusers_is_looked_at_where_pip_leaves_it_out(machine):
    line = "ppdiffusers<0.30,>=0.29; python_version < '3'"
    found = machine(PADDLE, {}, [line])
    assert found["ppdiffusers"].remedy == f'pip install --no-deps "ppdiffusers{Requirement(line).specifier}"'
    assert machine({**PADDLE, "ppdiffusers": "0.29.0"}, {}, [line])["ppdiffusers"].remedy is None


def test_each_package_is_tried_by_a_name_that_it_has():
    missing = [each.name for each in doctor._requirements() if importlib.util.find_spec(doctor._module(each)) is None]
    assert not missing


@pytest.mark.parametrize(
    ("versions", "trials", "subject", "remedy"),
    [
        ({}, {"paddle": FAILS}, "paddlepaddle", 'pip install "paddlepaddle<4,>=2.6.2"'),
        (PADDLE, {"paddle": FAILS}, "paddlepaddle", '--force-reinstall --no-deps "paddlepaddle==3.3.1"'),
        (PADDLE, {"paddle": {"error": "No module named 'pkg_resources'"}}, "paddlepaddle", "setuptools<81"),
        (
            PADDLE,
            {"paddle": {"error": "ImportError: libGL.so.1: cannot open"}},
            "paddlepaddle",
            "opencv-contrib-python-headless",
        ),
        (PADDLE, {"video": FAILS}, "video", "av decord"),
        ({**PADDLE, "paddlepaddle-gpu": "3.0.0"}, {}, "paddle", "pip uninstall -y paddlepaddle"),
    ],
)
def test_what_is_broken_has_its_remedy(machine, versions, trials, subject, remedy):
    assert remedy in machine(versions, trials, [])[subject].remedy


def test_one_that_ends_the_process_does_not_hide_the_others(tmp_path, monkeypatch):
    (tmp_path / "deadly.py").write_text("import os\nos._exit(3)\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", ":".join([str(tmp_path), *filter(None, sys.path)]))
    trials = doctor._try(["json", "deadly", "no_such_module"])
    assert "found" in trials["json"]
    assert "code 3" in trials["deadly"]["error"]
    assert "no_such_module" in trials["no_such_module"]["error"]


def test_remedies_are_printed_whole(capsys):
    remedy = "pip install " + "x" * 200
    doctor.show([doctor.Finding("numpy", "[2.0]", remedy), doctor.Finding("python", "3.11")])
    printed = capsys.readouterr().out
    assert f"  {remedy}\n" in printed
    assert "[2.0]" in printed


def test_a_damaged_model_in_a_cache_is_named(tmp_path, monkeypatch, tiny_folder):
    monkeypatch.setattr(downloads, "cache_folder", lambda source: tmp_path / source)
    damaged, whole = (tmp_path / downloads.PADDLE / "an org" / name for name in ("damaged", "whole"))
    for folder in (damaged, whole):
        shutil.copytree(tiny_folder, folder)
    (damaged / "model_index.json").write_text("[1, ", encoding="utf-8")
    assert [name for name, _, _ in locate.cached()] == ["an org/whole"]
    (finding,) = doctor._damaged()
    assert str(damaged) in finding.found and finding.remedy.startswith(f"rm -r '{damaged}'")
