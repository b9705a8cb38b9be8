"""Installed from a clone, as a wheel or editable, ppt2v works in any folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import cv2
import pytest
from conftest import ROOT

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
def clone(tmp_path_factory) -> Path:
    """The files that an installation takes, in a folder that is named as a clone is."""
    folder = tmp_path_factory.mktemp("projects") / "ppt2v"
    folder.mkdir()
    for name in SOURCES:
        source, target = ROOT / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return folder


@pytest.fixture(scope="module")
def wheel(clone, tmp_path_factory) -> Path:
    built = tmp_path_factory.mktemp("built")
    _run(sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", built, clone, folder=built)
    (file,) = built.glob("*.whl")
    return file


def _venv(folder: Path, *what: object) -> Path:
    """A venv with this alone; the dependencies are those of the running Python, behind it on the path."""
    _run(sys.executable, "-m", "venv", "--without-pip", folder, folder=folder)
    (packages,) = folder.glob("lib/python*/site-packages")
    # A folder named in a .pth file is only searched; its own .pth files, such as the editable install's, are not run.
    places = [place for place in sys.path if place.endswith("site-packages")]
    (packages / "dependencies.pth").write_text("\n".join(places) + "\n", encoding="utf-8")
    pip = (sys.executable, "-m", "pip", "--python", folder / "bin" / "python")
    _run(*pip, "install", "--no-deps", "--no-build-isolation", *what, folder=folder)
    return folder


@pytest.fixture(scope="module")
def venv(wheel, tmp_path_factory) -> Path:
    return _venv(tmp_path_factory.mktemp("venv"), wheel)


@pytest.fixture(scope="module")
def editable_venv(clone, tmp_path_factory) -> Path:
    return _venv(tmp_path_factory.mktemp("editable"), "-e", clone)


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
    expected = {f"{package}/{name}" for name in _files(ROOT / source)}
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


def test_the_opencv_that_pip_leaves_needs_no_libgl():
    assert cv2.version.headless  # ppdiffusers asks for another one, in the same place


def test_tells_type_checkers_that_it_has_types(wheel):
    assert "ppt2v/py.typed" in zipfile.ZipFile(wheel).namelist()


@pytest.mark.parametrize("place", [".", "ppt2v", "ppt2v/tests"])
def test_an_editable_install_is_found_beside_its_clone_and_within(editable_venv, clone, place):
    code = "import ppt2v, ppt2v.pipelines; from ppt2v.models.sources import locate; "
    code += "print(ppt2v.__file__, ppt2v.pipelines.__file__, locate.locate('embedded'), sep='\\n')"
    folder = clone.parent / place
    folder.mkdir(exist_ok=True)
    script = folder / "script.py"
    script.write_text(code, encoding="utf-8")
    for command in (["-c", code], [script]):
        places = _run(editable_venv / "bin" / "python", *command, folder=folder).splitlines()
        assert [Path(each).relative_to(clone).as_posix() for each in places] == [
            "ppt2v/__init__.py",
            "pipelines/__init__.py",
            "__assets__/embedded",
        ]
