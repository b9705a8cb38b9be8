"""The images and the cluster of containers, as far as can be seen without building them."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from fnmatch import fnmatch

import pytest
import typer
import yaml
from conftest import ROOT
from test_wheel import SOURCES

from ppt2v.cli import app

DOCKERFILES = ("Dockerfile", "Dockerfile.cuda")
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]


def instructions(name: str) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile, each with what it is given, in one line."""
    text = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", (ROOT / name).read_text(encoding="utf-8"), flags=re.M))
    return [tuple(line.split(" ", 1)) for line in text.splitlines() if line]


def sent() -> set[str]:
    """The patterns of what is sent to whoever builds an image; all else is left out."""
    ignored, *patterns = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert ignored == "*"
    return {pattern.removeprefix("!") for pattern in patterns if pattern.startswith("!")}


def test_what_an_installation_needs_is_sent_and_nothing_that_is_not_there():
    assert sent() == {*SOURCES, "constraints.txt"}
    assert all((ROOT / name).exists() for name in sent())


@pytest.mark.parametrize("name", DOCKERFILES)
def test_what_is_copied_is_sent(name):
    copied = [given.split()[:-1] for kind, given in instructions(name) if kind == "COPY"]
    files = {file for each in copied for file in each} - {"."}
    assert files and all(any(fnmatch(file, f"{pattern}*") for pattern in sent()) for file in files)
    assert [given for kind, given in instructions(name) if kind == "USER"] == ["ppt2v"]


@pytest.mark.parametrize("name", DOCKERFILES)
def test_the_layer_of_requirements_needs_no_more_than_is_copied(name, tmp_path):
    """The wheel that brings the requirements is made of these files alone, and has the extras that are asked for."""
    (script,) = (given for kind, given in instructions(name) if kind == "RUN" and "mkdir -p" in given)
    for file in ("setup.py", "README.md", "ppt2v/version.py"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    for folder in re.search(r"mkdir -p ([^&]+)", script)[1].split():
        (tmp_path / folder).mkdir(parents=True)
    subprocess.run([sys.executable, "setup.py", "-q", "egg_info"], cwd=tmp_path, check=True, capture_output=True)
    there = set(re.findall(r"^\[([\w]+)[\]:]", (tmp_path / "ppt2v.egg-info/requires.txt").read_text(), re.M))
    assert set(re.search(r"'\.\[([\w,]+)\]'", script)[1].split(",")) <= there


def test_nothing_is_told_to_others():
    assert all("RAY_USAGE_STATS_ENABLED=0" in dict(instructions(name))["ENV"] for name in DOCKERFILES)
    assert COMPOSE["networks"] == {"cluster": {"internal": True}}
    assert all(service["networks"] == ["cluster"] and "ports" not in service for service in SERVICES.values())
    assert "--include-dashboard=false" in SERVICES["head"]["command"]


def test_the_cluster_has_two_workers_and_its_command_is_one_of_ppt2v():
    assert SERVICES["worker"]["deploy"] == {"replicas": 2} and "--num-cpus=1" in SERVICES["worker"]["command"]
    assert "--num-cpus=0" in SERVICES["head"]["command"] and "--num-cpus=0" in SERVICES["video"]["entrypoint"][2]
    port = re.search(r"--port=(\d+)", SERVICES["head"]["command"])[1]
    assert SERVICES["video"]["environment"]["RAY_ADDRESS"] == f"head:{port}"
    for told in (SERVICES["worker"]["command"], SERVICES["video"]["entrypoint"][2]):
        assert f"--address=head:{port} " in told
    program, mode, *rest = shlex.split(SERVICES["video"]["command"])
    command = typer.main.get_command(app.app).commands[mode]
    context = command.make_context(mode, rest)
    assert program == "ppt2v" and (context.params["runner"], context.params["workers"]) == ("ray", 2)
