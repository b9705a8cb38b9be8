"""``paddle.hub`` on this repository, in an environment without ppt2v: only its dependencies are installed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import CLIPS, ROOT

from ppt2v import MODES, InputError, video
from ppt2v.hubs.paddlehub import VideoMaker, document, document_loader
from ppt2v.modes.machine import MACHINE

NAMES = {
    "text2video": "text2video_zero",
    "synthesize": "text_to_video_synthesis",
    "animate": "animate",
    "pix2pix": "pix2pix",
    "pose": "controlnet_pose",
    "canny": "controlnet_canny",
    "depth": "controlnet_depth",
    "canny-db": "controlnet_canny_db",
    "controlnet": "controlnet",
}

SCRIPT = """
import json, os, sys
import zlib  # Paddle 2.6.2 brings an older one along, which breaks Python's when it is loaded first
import paddle

found = {"list": paddle.hub.list(sys.argv[1], source="local")}
found["heavy"] = sorted({"av", "decord", "ppdiffusers"} & sys.modules.keys())
found["help"] = paddle.hub.help(sys.argv[1], "pix2pix", source="local")
quick = dict(engine="eager", device="cpu", show_progress=False, num_inference_steps=2)
make = paddle.hub.load(sys.argv[1], "text2video_zero", source="local", video_length=2, **quick)
follow = paddle.hub.load("someone/ppt2v", "controlnet_canny", source="github", resolution=64, end_t=0.2, **quick)
os.chdir(sys.argv[2])
found["made"] = [make("a panda", save_path="panda.mp4"), follow("a bear", video_path=sys.argv[3], save_path="bear.mp4")]
found["doc"] = make.__doc__
import ppt2v.pipelines
found["home"] = ppt2v.pipelines.__file__
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory) -> Path:
    """Python of a venv that sees the packages of the running one, but for ppt2v."""
    folder = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    # A folder named in a .pth file is only searched; its own .pth files, such as the editable install's, are not run.
    places = [place for place in sys.path if place.endswith("site-packages")]
    (packages / "dependencies.pth").write_text("\n".join(places) + "\n", encoding="utf-8")
    return folder / "bin" / "python"


def run(python: Path, script: str, *arguments: object, folder: Path, home: Path) -> subprocess.CompletedProcess:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(home), "GLOG_minloglevel": "2", "OMP_NUM_THREADS": "1"}
    command = [str(python), "-W", "ignore", "-c", script, *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def found(bare_python, tmp_path_factory) -> dict:
    """What the script finds, with a relative path to the repository, and with it as Paddle's cache of GitHub has it."""
    home, made = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("made")
    (home / ".cache" / "paddle" / "hub").mkdir(parents=True)
    (home / ".cache" / "paddle" / "hub" / "someone_ppt2v_main").symlink_to(ROOT)
    (home / "repository").symlink_to(ROOT)
    clip = CLIPS / "panda.mp4"
    done = run(bare_python, SCRIPT, "repository", made, clip, folder=home, home=home)
    assert done.returncode == 0, done.stderr
    return {**json.loads(done.stdout.splitlines()[-1]), "folder": made}


def test_ppt2v_is_not_installed_there(bare_python, tmp_path):
    done = run(bare_python, "import ppt2v", folder=tmp_path, home=tmp_path)
    assert "No module named 'ppt2v'" in done.stderr


def test_list_has_every_mode_and_nothing_else(found):
    assert sorted(found["list"]) == sorted(NAMES.values())
    assert found["heavy"] == []


def test_help_and_docstring_say_all_that_can_be_told(found):
    assert found["help"] == document_loader(MODES["pix2pix"])
    assert found["doc"] == document(MODES["text2video"])


@pytest.mark.smoke
def test_loaded_modes_make_videos(found):
    assert found["made"] == ["panda.mp4", "bear.mp4"]
    recipes = [video.read_recipe(found["folder"] / name) for name in found["made"]]
    prompts = {each["mode"]: each["parameters"]["prompt"] for each in recipes}
    assert prompts == {"text2video": "a panda", "canny": "a bear"}
    assert Path(found["home"]).samefile(ROOT / "pipelines" / "__init__.py")


@pytest.mark.parametrize("mode", MODES.values(), ids=lambda mode: mode.name)
def test_documents_name_every_parameter(mode):
    for parameter in mode.parameters:
        assert f"    {parameter.name}: {parameter.help} ({parameter.rule}" in document(mode)
        assert f"    {parameter.name}: {parameter.help} ({parameter.rule}" in document_loader(mode)
    for parameter in MACHINE:
        assert f"    {parameter.name}: {parameter.help} ({parameter.rule}" in document_loader(mode)


def test_names_are_those_of_the_published_code():
    assert {mode.name: mode.hub_name for mode in MODES.values()} == NAMES


@pytest.mark.parametrize("given", [{"stepps": 2}, {"num_inference_steps": 0}, {"engine": "steam"}], ids=str)
def test_wrong_settings_are_refused_when_it_is_loaded(given):
    with pytest.raises(InputError, match=next(iter(given))):
        VideoMaker("text2video", **given)


def test_call_wins_over_settings(tiny_folder, tmp_path):
    make = VideoMaker(
        "text2video",
        model_name=tiny_folder,
        prompt="a fox",
        video_length=2,
        num_inference_steps=2,
        device="cpu",
        engine="eager",
        show_progress=False,
    )
    made = [make(save_path=tmp_path / "fox.mp4"), make("a panda", video_length=1, save_path=tmp_path / "panda.mp4")]
    values = [video.read_recipe(file)["parameters"] for file in made]
    assert [(each["prompt"], each["video_length"]) for each in values] == [("a fox", 2), ("a panda", 1)]
