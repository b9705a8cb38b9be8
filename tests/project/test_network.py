"""Nothing is sent anywhere unless a download was asked for: every command behind a proxy that only listens."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

from ppt2v.cli.app import app
from ppt2v.models.sources import locate

SKELETON = Path(__file__).parents[2] / "__assets__" / "clips" / "dance_pose.mp4"
EAGER = ["--engine", "eager", "--steps", "2", "--seed", "1"]  # OpenVINO computes in "quantize"
CLIP = ["--end-t", "0.3", "--out-fps", "4", "--resolution", "64", *EAGER]
COMMANDS = [
    ["text2video", "a fox in the snow", "--frames", "2", *EAGER, "--out", "fox.mp4"],
    ["rerun", "fox.mp4", "--out", "again.mp4"],
    ["show", "fox.mp4"],
    ["report", "fox.mp4"],
    ["interpolate", "fox.mp4", "--out", "smooth.mp4"],
    ["compare", "fox.mp4", "again.mp4"],
    ["batch", "jobs.jsonl", "--engine", "eager", "--out", "videos"],
    [
        "synthesize",
        "a fox in the snow",
        "--model",
        "embedded/video",
        "--frames",
        "4",
        *EAGER,
        "--out",
        "s.mp4",
    ],
    ["animate", "a fox", "--model", "TINY", "--motion-module", "MODULE", "--frames", "2", *EAGER, "--out", "a.mp4"],
    ["upscale", "a.mp4", "--trust", "--steps", "2", "--out", "large.mp4"],
    ["pix2pix", "clip.mp4", "make it winter", *CLIP, "--out", "pix2pix.mp4"],
    ["pose", "SKELETON", "a fox", *CLIP, "--out", "pose.mp4"],
    ["canny", "clip.mp4", "a fox", *CLIP, "--out", "canny.mp4"],
    ["depth", "clip.mp4", "a fox", "--control", "video", *CLIP, "--out", "depth.mp4"],
    [
        "controlnet",
        "clip.mp4",
        "a fox",
        "--kind",
        "scribble",
        "--controlnet",
        "embedded/canny",
        *CLIP,
        "--out",
        "c.mp4",
    ],
    ["canny-db", "clip.mp4", "a mascot", *CLIP, "--model", "embedded/dreambooth", "--out", "db.mp4"],
    ["control", "canny", "clip.mp4", "--out", "map.mp4"],
    ["dreambooth", "train", "--images", "pictures", "--prompt", "a sks fox", "--steps", "1", "--out", "mine"],
    ["convert", "VIDEO", "converted", "--format", "diffusers"],
    ["quantize", "TINY"],
    ["config", "text2video"],
    ["models"],
    ["doctor"],
    ["cache", "list"],
    ["cache", "clear"],
]
SERVICES = [["serve", "--port", "0"], ["ui", "--port", "0"]]
RUN = """
import json, sys
from ppt2v.cli.app import main
for arguments in json.loads(sys.argv[1]):
    try:
        main(arguments)
    except SystemExit as end:
        print(json.dumps(["ended", arguments[0], end.code]), file=sys.stderr, flush=True)
"""


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.5)
        yield server


@pytest.fixture
def environment(listener, tmp_path) -> dict[str, str]:
    """That of a process whose way to the network is the listener, with an empty home folder."""
    proxy = f"http://127.0.0.1:{listener.getsockname()[1]}"
    names = ("http_proxy", "https_proxy", "all_proxy")
    proxies = {spelt: proxy for name in names for spelt in (name, name.upper())}
    (tmp_path / "home").mkdir()
    kept = {name: value for name, value in os.environ.items() if name.lower() not in (*names, "xdg_cache_home")}
    return {**kept, **proxies, "no_proxy": "127.0.0.1,localhost", "HOME": str(tmp_path / "home"),
            "PPT2V_CACHE": str(tmp_path / "cache"), "COLUMNS": "80"}  # fmt: skip


def spoke(listener: socket.socket) -> bool:
    try:
        listener.accept()[0].close()
    except TimeoutError:
        return False
    return True


def written(home: Path) -> list[str]:
    """Files of a home folder outside of its cache folder."""
    return [str(file) for file in home.rglob("*") if file.is_file() and ".cache" not in file.relative_to(home).parts]


def test_every_command_is_tried():
    assert {command[0] for command in COMMANDS + SERVICES} == set(get_command(app).commands)


@pytest.mark.slow
def test_no_command_speaks_to_the_network(listener, environment, tmp_path, tiny_folder, motion_folder):
    import numpy as np
    from PIL import Image

    from ppt2v import video

    ramp = np.linspace(0, 255, 64, dtype=np.uint8)
    frames = np.broadcast_to(ramp[None, :, None, None], (4, 64, 64, 3)).copy()
    frames[:, 20:40, 20:40] = 200
    video.write(frames, tmp_path / "clip.mp4", 8, {})
    (tmp_path / "pictures").mkdir()
    for number in range(2):
        Image.fromarray(frames[number]).save(tmp_path / "pictures" / f"{number}.png")
    row = {"prompt": "a bear", "video_length": 2, "num_inference_steps": 2}
    (tmp_path / "jobs.jsonl").write_text(json.dumps(row), encoding="utf-8")
    folder = str(locate.locate("embedded/video"))
    given = {"VIDEO": folder, "SKELETON": str(SKELETON), "TINY": str(tiny_folder), "MODULE": str(motion_folder)}
    commands = [[given.get(word, word) for word in command] for command in COMMANDS]
    done = subprocess.run([sys.executable, "-c", RUN, json.dumps(commands)], env=environment, cwd=tmp_path,
                          capture_output=True, text=True)  # fmt: skip
    ends = re.findall(r'\["ended", "([\w-]+)", (\w+)\]', done.stderr)
    broken = [end for end in ends if end[1] not in ("0", "null")]
    assert set(broken) <= {("doctor", "1")}, done.stderr[-3000:]  # which says 1 where it found something to mend
    assert len(ends) == len(commands)
    assert done.returncode == 0 and (tmp_path / "fox.mp4").exists() and (tmp_path / "mine" / "unet").exists()
    assert not spoke(listener)
    assert written(tmp_path / "home") == []


@pytest.mark.parametrize("command", SERVICES, ids=lambda command: command[0])
def test_no_service_speaks_to_the_network(listener, environment, tmp_path, command):
    pytest.importorskip("gradio")
    service = subprocess.Popen([sys.executable, "-m", "ppt2v", *command], env=environment, cwd=tmp_path,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # fmt: skip
    try:
        started = any("127.0.0.1:" in line for line in service.stdout)
    finally:
        service.terminate()  # not by an interruption, which a process started in the background ignores
        service.communicate(timeout=120)
    assert started
    assert not spoke(listener)
    assert written(tmp_path / "home") == []
