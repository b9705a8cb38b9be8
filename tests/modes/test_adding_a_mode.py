"""A new mode is one row of MODES: the one that CONTRIBUTING.md shows is known everywhere as soon as it is there."""

from __future__ import annotations

import importlib.util
import logging
import re
import runpy
import warnings

import pytest
from conftest import ROOT

from ppt2v import MODES, Model, video
from ppt2v.cli import app, config_file
from ppt2v.modes import Mode

SHORT = {"num_inference_steps": 2, "video_length": 2, "seed": 0}


@pytest.fixture
def row(monkeypatch) -> Mode:
    """The row that CONTRIBUTING.md shows, as one of the table."""
    (snippet,) = re.findall(r"^```python\n(.*?)^```$", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), re.M | re.S)
    names: dict = {}
    exec(snippet, names)
    monkeypatch.setitem(MODES, names["row"].name, names["row"])
    return names["row"]


@pytest.fixture
def command(row, capsys, tmp_path, monkeypatch):
    """Runs the command line as a new process would have it; returns what it prints."""
    monkeypatch.chdir(tmp_path)
    spec = importlib.util.spec_from_file_location("ppt2v.cli.another_app", app.__file__)
    another = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(another)

    def call(*arguments: str) -> str:
        with warnings.catch_warnings(), pytest.raises(SystemExit) as end:
            another.main(arguments)
        logging.disable(logging.NOTSET)
        assert not end.value.code
        return re.sub(r"[\s│]+", " ", capsys.readouterr().out) if "--help" in arguments else capsys.readouterr().out

    return call


def test_the_command_line_helps_with_it(command, row):
    assert f"{row.name} {row.summary}" in command("--help")
    assert re.search(r"--motion X Y .+?\[default: 0 0\]", command(row.name, "--help"))


def test_its_defaults_are_printed_and_read_back(command, row, tmp_path):
    printed = command("config", row.name).replace("#motion", "motion")
    (tmp_path / "still.yaml").write_text(printed, encoding="utf-8")
    assert config_file.load(tmp_path / "still.yaml", row) == {
        "motion_field_strength_x": 0,
        "motion_field_strength_y": 0,
    }


def test_the_model_makes_it_and_its_recipe_can_be_followed(command, row):
    given = {"prompt": "a fox in the snow", "save_path": "a.mp4", **SHORT}
    made = Model(device="cpu", engine="eager", show_progress=False).run(row.name, **given)
    recipe = video.read_recipe(made)
    assert (recipe["mode"], recipe["parameters"]["motion_field_strength_x"]) == (row.name, 0)
    assert command("rerun", "a.mp4", "--out", "b.mp4") == "b.mp4\n"
    assert (video.read("a.mp4").frames == video.read("b.mp4").frames).all()


def test_the_list_of_parameters_has_it(row):
    made = runpy.run_path(str(ROOT / "docs" / "make_parameters.py"))
    section = made["page"](MODES, made["ENGLISH"]).split(f"## {row.name}\n")[1].split("\n## ")[0]
    assert row.summary in section
    assert re.search(r"`--motion` \| `motion_field_strength_x` \| .+ \| `0\.0` \|", section)
