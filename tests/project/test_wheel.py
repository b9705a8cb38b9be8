"""The built wheel, installed into a venv of its own, works in any folder without the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SOURCES = (
    "setup.py",
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "ppt2v",
    "pipelines",
    "__assets__/clips",
    "__assets__/embedded",
)


def _run(*command: object, folder: Path) -> str:
    """What the command prints to stdout, run without anything that could bring the repository's ppt2v in."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run([str(word) for word in command], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    copy, built = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("built")
    for name in SOURCES:
        source, target = REPOSITORY / name, copy / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    _run(sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", built, copy, folder=built)
    (file,) = built.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def venv(wheel, tmp_path_factory) -> Path:
    """A venv with the wheel alone; the dependencies are those of the running Python, behind it on the path."""
    folder = tmp_path_factory.mktemp("venv")
    _run(sys.executable, "-m", "venv", "--without-pip", folder, folder=folder)
    python = folder / "bin" / "python"
    _run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", wheel, folder=folder)
    (packages,) = folder.glob("lib/python*/site-packages")
    # A folder named in a .pth file is only searched; its own .pth files, such as the editable install's, are not run.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return folder


def _files(folder: Path) -> set[str]:
    found = (file for file in folder.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    return {file.relative_to(folder).as_posix() for file in found}


@pytest.mark.parametrize(
    ("package", "source"),
    [
        ("ppt2v", "ppt2v"),
        ("ppt2v/pipelines", "pipelines"),
        ("ppt2v/samples", "__assets__/clips"),
        ("ppt2v/embedded", "__assets__/embedded"),
    ],
)
def test_holds_every_file(wheel, package, source):
    expected = {f"{package}/{name}" for name in _files(REPOSITORY / source)}
    assert expected
    assert expected <= set(zipfile.ZipFile(wheel).namelist())


def test_command_answers_in_any_folder(venv, tmp_path):
    assert "text2video" in _run(venv / "bin" / "ppt2v", "--help", folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_everything_comes_from_the_wheel(venv, tmp_path):
    code = (
        "import ppt2v, ppt2v.pipelines; from ppt2v.models.sources import catalogue, locate; "
        "print(ppt2v.__file__, ppt2v.pipelines.__file__, locate.locate(catalogue.EMBEDDED), sep='\\n')"
    )
    places = _run(venv / "bin" / "python", "-c", code, folder=tmp_path).splitlines()
    assert len(places) == 3
    assert all(Path(place).is_relative_to(venv) for place in places), places
    assert (Path(places[-1]) / "model_index.json").is_file()
