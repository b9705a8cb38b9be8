"""The notebooks: built from their sources, in two languages, without outputs; each makes its videos."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from conftest import ROOT
from nbclient import NotebookClient
from PIL import Image

from ppt2v import video

NOTEBOOKS = ROOT / "notebooks"
PICTURES = ROOT / "__assets__" / "notebooks"
NAMES = sorted(file.stem for file in NOTEBOOKS.glob("*.ipynb"))
CHINESE = re.compile("[\u4e00-\u9fff]")

SHORT = {"STEPS": 2, "RESOLUTION": 64}
CLIP = {**SHORT, "END": 0.25}
# For each notebook: what its settings are replaced by, and the modes of the videos that it shows.
RUNS = {
    "animate": ({**SHORT, "FRAMES": 2}, ["animate", "animate"]),
    "canny": (CLIP, ["canny", "canny"]),
    "depth": (CLIP, ["depth", "depth"]),
    "dreambooth": ({**CLIP, "FRAMES": 2, "TRAINING_STEPS": 1}, ["canny-db", "text2video", "text2video"]),
    "modelscope": ({"STEPS": 2, "FRAMES": 2}, ["synthesize", "synthesize"]),
    "pix2pix": (CLIP, ["pix2pix", "pix2pix"]),
    "pose": (CLIP, ["pose", "pose"]),
    "text2video": ({**SHORT, "FRAMES": 2}, ["text2video", "text2video"]),
}


@pytest.fixture(scope="module")
def build():
    sys.path.insert(0, str(NOTEBOOKS / "sources"))
    try:
        import build
    finally:
        sys.path.remove(str(NOTEBOOKS / "sources"))
    return build


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A folder that is to the sample clips as ``notebooks`` is; the kernel's own files go beside it."""
    (tmp_path / "__assets__").symlink_to(ROOT / "__assets__")
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    place = tmp_path / "notebooks"
    place.mkdir()
    return place


def read(name: str) -> nbformat.NotebookNode:
    return nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)


def run(name: str, folder: Path, settings: dict) -> nbformat.NotebookNode:
    """The notebook with its outputs, executed with other settings."""
    notebook = read(name)
    (place,) = (number for number, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", ()))
    defined = set(re.findall(r"^(\w+) =", notebook.cells[place].source, re.MULTILINE))
    assert set(settings) <= defined
    lines = [f"{setting} = {value!r}" for setting, value in settings.items()]
    notebook.cells.insert(place + 1, nbformat.v4.new_code_cell("\n".join(lines)))
    return NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()


def outputs(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def shown_videos(notebook: nbformat.NotebookNode, folder: Path) -> list[Path]:
    """The videos that are embedded in the outputs, as files."""
    files = []
    for output in outputs(notebook):
        for encoded in re.findall(r'src="data:video/mp4;base64,([^"]+)"', output.get("data", {}).get("text/html", "")):
            files.append(folder / f"shown_{len(files)}.mp4")
            files[-1].write_bytes(base64.b64decode(encoded))
    return files


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_makes_and_shows_its_videos(name, folder):
    settings, modes = RUNS[name]
    made = run(name, folder, settings)
    shown = shown_videos(made, folder)
    recipes = [video.read_recipe(file) for file in shown]
    assert [recipe["mode"] for recipe in recipes] == modes
    assert all(recipe["parameters"]["num_inference_steps"] == settings["STEPS"] for recipe in recipes)
    assert all(len(video.read(file, multiple=1).frames) >= 2 for file in shown)
    assert len(list((folder / "output").glob("*.mp4"))) == len(modes)
    assert (folder / "output" / f"{name}.png").is_file()
    progress = "".join(output.data.get("text/plain", "") for output in outputs(made) if "data" in output)
    assert re.search(r"Denoising .* (\d+)/\1\b", progress)
    written = "".join(output.text for output in outputs(made) if output.output_type == "stream")
    assert not re.search("warning|info", written, re.IGNORECASE)


def test_each_notebook_has_its_run():
    assert sorted(RUNS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_is_what_its_source_makes(name, build):
    committed = (NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8")
    assert committed == build.build(name), "run: make notebooks"


@pytest.mark.parametrize(
    ("options", "place", "installs"),
    [([], ".", False), (["-S"], ".", True), (["-S"], "ppt2v", True), (["-S"], "ppt2v/notebooks", True)],
    ids=["installed", "beside the clone", "in the clone", "among the notebooks"],
)
def test_installs_where_ppt2v_is_not_wherever_it_starts(options, place, installs, tmp_path):
    (tmp_path / "ppt2v").symlink_to(ROOT)
    (cell,) = (cell.source for cell in read("canny").cells if "%pip" in cell.source)
    code = re.sub(r"^( +)%pip .*$", r"\1print('installs')", cell, flags=re.MULTILINE)
    # Option -S leaves out all that is installed.
    command = [sys.executable, *options, "-c", code]
    done = subprocess.run(command, cwd=tmp_path / place, capture_output=True, text=True, check=True)
    assert ("installs" in done.stdout) == installs


@pytest.mark.parametrize("name", NAMES)
def test_is_without_outputs(name):
    notebook = read(name)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert not outputs(notebook)
    assert all(cell.execution_count is None for cell in notebook.cells if cell.cell_type == "code")


@pytest.mark.parametrize("name", NAMES)
def test_every_text_is_in_chinese_and_then_in_english(name):
    for cell in read(name).cells:
        if cell.cell_type == "markdown":
            texts = [text for text in cell.source.split("\n\n") if not text.startswith(("#", "|", "!", "*"))]
            assert [bool(CHINESE.search(text)) for text in texts] == [True, False] * (len(texts) // 2), cell.source
            titles = re.findall("^#.*", cell.source, re.MULTILINE)
            assert all(CHINESE.search(title) and " · " in title for title in titles)


def test_pictures_are_there_and_small():
    cells = [cell for name in NAMES for cell in read(name).cells if cell.cell_type == "markdown"]
    linked = {(NOTEBOOKS / link).resolve() for cell in cells for link in re.findall(r"!\[.*\]\((.+)\)", cell.source)}
    assert linked == set(PICTURES.glob("*.png"))
    for file in linked:
        assert file.stat().st_size <= 60_000
        with Image.open(file) as picture:
            picture.verify()
