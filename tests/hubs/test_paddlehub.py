"""The modules of PaddleHub, with PaddleHub itself: installed, loaded, run, served. `make test-paddlehub` runs this."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
import requests
from conftest import CLIPS, ROOT

from ppt2v import MODES, video
from ppt2v.version import __version__

BIN = ROOT / ".venv-paddlehub" / "bin"
PANDA = CLIPS / "panda.mp4"
QUICK = {"engine": "eager", "device": "cpu", "num_inference_steps": 2, "show_progress": False}

pytestmark = pytest.mark.paddlehub

LOAD = """
import json, sys
import paddlehub

name, loaded, called = json.loads(sys.argv[1])
module = paddlehub.Module(name=name, **loaded)
print(json.dumps([module.name, str(module.version), module.__doc__.splitlines()[0], module(**called)]))
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> dict[str, str]:
    home = str(tmp_path_factory.mktemp("hub"))
    # PaddleHub's compiled messages are older than what protobuf's C++ code accepts.
    return {**os.environ, "HUB_HOME": home, "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python", "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def run(environment, tmp_path_factory):
    """Runs a command of PaddleHub's environment; what it printed to both streams."""

    def call(*command: object, returns: int = 0) -> str:
        words = [str(BIN / str(command[0])), *map(str, command[1:])]
        folder = tmp_path_factory.mktemp("elsewhere")
        done = subprocess.run(
            words, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        assert done.returncode == returns, done.stdout
        return done.stdout

    return call


@pytest.fixture(scope="module")
def installed(run, tmp_path_factory) -> str:
    """What `hub install` says to the archives of all modules."""
    dist = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, ROOT / "paddlehub" / "build.py", dist], check=True)
    return run("hub", "install", *sorted(dist.iterdir()))


@pytest.fixture(scope="module")
def server(installed, environment, modelscope_folder, tmp_path_factory) -> Iterator[str]:
    """The address of `hub serving` with two modules."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    loaded = {"pix2pix": QUICK, "text_to_video_synthesis": {**QUICK, "model_name": str(modelscope_folder)}}
    modules = {name: {"init_args": values, "predict_args": {}} for name, values in loaded.items()}
    config = tmp_path_factory.mktemp("config") / "serving.json"
    config.write_text(json.dumps({"modules_info": modules, "port": port}), encoding="utf-8")
    process = subprocess.Popen(
        [BIN / "hub", "serving", "start", "-c", config],
        cwd=config.parent,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    said = []
    for line in process.stdout:
        said.append(line)
        if "Running on" in line:
            break
    assert process.poll() is None, "".join(said)
    yield f"http://127.0.0.1:{port}/predict"
    process.terminate()
    process.wait()


def test_archives_can_be_installed(installed):
    for mode in MODES.values():
        assert f"Successfully installed {mode.hub_name}-{__version__}" in installed


def test_module_makes_a_video(installed, run, tmp_path):
    called = {"prompt": "a bear", "video_path": str(PANDA), "end_t": 0.2, "save_path": str(tmp_path / "bear.mp4")}
    said = run("python", "-c", LOAD, json.dumps(["controlnet_canny", {**QUICK, "resolution": 64}, called]))
    expected = ["controlnet_canny", __version__, MODES["canny"].summary, called["save_path"]]
    assert json.loads(said.splitlines()[-1]) == expected
    assert video.read_recipe(called["save_path"])["mode"] == "canny"


def test_hub_run_takes_the_options_of_the_command(installed, run, tmp_path):
    given = "--steps", 2, "--frames", 2, "--engine", "eager", "--quiet"
    run("hub", "run", "text2video_zero", "a panda", *given, "--out", tmp_path / "panda.gif")
    assert video.read(tmp_path / "panda.gif", multiple=1).frames.shape == (2, 128, 128, 3)
    assert "Error: --steps=0" in run("hub", "run", "text2video_zero", "a panda", "--steps", 0, returns=2)


@pytest.mark.parametrize(
    ("name", "request_"),
    [
        ("pix2pix", {"prompt": "make it snow", "clip": base64.b64encode(PANDA.read_bytes()).decode(), "end_t": 0.2}),
        ("text_to_video_synthesis", {"prompt": "a fox", "video_length": 2, "resolution": "16"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_serving_takes_and_gives_base64(server, tmp_path, name, request_):
    answered = requests.post(f"{server}/{name}", json=request_).json()
    assert answered["status"] == "000", answered["msg"]
    file = tmp_path / f"video.{answered['results']['format']}"
    file.write_bytes(base64.b64decode(answered["results"]["video"]))
    assert video.read_recipe(file)["parameters"]["prompt"] == request_["prompt"]


def test_serving_writes_where_it_wants(server, tmp_path):
    request = {"prompt": "a fox", "save_path": str(tmp_path / "fox.mp4")}
    answered = requests.post(f"{server}/text_to_video_synthesis", json=request).json()
    assert (answered["status"], answered["results"]) == ("101", "")
    assert answered["msg"].startswith("save_path cannot be chosen here")
    assert not list(tmp_path.iterdir())
