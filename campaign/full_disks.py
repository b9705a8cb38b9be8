"""A full disk at every stage: output, temporary folder, cache, state, jobs, home.

Where this process may not mount a disk, a quota stands in for it: no file of a command may have a byte. What has to go
on beside a full disk (a cache, a service with its other folders) cannot be tried then.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random

import tiny_model

from . import CLIPS
from .disk import can_mount, quota, small_disk
from .kills import Service
from .process import QUICK, refused, run, wait_until
from .trial import Trial, expect

_SHORT = ("--steps", "2", "--frames", "2", *QUICK)
_GUIDED = ("canny", CLIPS / "panda.mp4", "a bear", "--end-t", "0.5", "--steps", "2", *QUICK)


# Of PPDiffusers, which writes it anew where it is empty.
_FOREIGN = "version_diffusers_cache.txt"


def trials(random: Random, number: int, folder: Path) -> Iterator[Trial]:
    """Those of a list that is not longer than ``number``."""
    full = _on_full_disk if can_mount() else _under_quota
    model, converted = tiny_model.write_stable_diffusion(folder / "tiny"), tiny_model.write_modelscope(folder / "other")
    made = ["text2video", "a fox", "--model", model, *_SHORT]
    training = ["dreambooth", "train", "--images", folder / "pictures", "--prompt", "a sks fox"]
    training += ["--model", model, "--steps", "1", "--resolution", "16", "--device", "cpu", "--quiet"]
    _pictures(folder / "pictures")
    commands = {
        **{f"output {ending}": [*made, "--out", f"disk/out.{ending}"] for ending in ("mp4", "webm", "gif", "png")},
        "state": [*made, "--checkpoint-dir", "disk/state", "--out", "out.mp4"],
        "control maps": ["control", "canny", CLIPS / "panda.mp4", "--out", "disk/maps.mp4"],
        "report": ["report", CLIPS / "panda.mp4", "--json", "disk/report.json"],
        "sheet": ["report", CLIPS / "panda.mp4", "--sheet", "disk/sheet.png"],
        "conversion": ["convert", converted, "disk/converted", "--format", "paddle"],
        "training": [*training, "--out", "disk/subject"],
    }
    every = {name: partial(_refused, full, folder / name, command) for name, command in commands.items()}
    every["temporary folder"] = partial(_temporary, full, folder / "temporary")
    if full is _on_full_disk:
        every["cache"] = partial(_goes_round, folder / "cache", model, "PPT2V_CACHE")
        every["home"] = partial(_goes_round, folder / "home", model, "HOME")
        every["service"] = partial(_service, folder / "service")
    for name, trial in list(every.items())[:number]:
        yield Trial(name, trial)


def _pictures(folder: Path) -> None:
    from PIL import Image

    folder.mkdir()
    for shade in range(3):
        Image.new("RGB", (16, 16), (80 * shade, 40, 200)).save(folder / f"{shade}.png")


def _on_full_disk(folder: Path, trial: Callable[[], None], but: int = 0) -> None:
    folder.mkdir()
    with small_disk(folder / "disk") as disk:
        disk.fill(but)
        _leaves_nothing(folder, trial)


def _under_quota(folder: Path, trial: Callable[[], None], but: int = 0) -> None:
    (folder / "disk").mkdir(parents=True)
    with quota(but):
        _leaves_nothing(folder, trial)


def _leaves_nothing(folder: Path, trial: Callable[[], None]) -> None:
    before = _files(folder)
    trial()
    left = _files(folder) - before
    expect(not left, f"it leaves {sorted(map(str, left))[:3]}")


def _files(folder: Path) -> set[Path]:
    files = (path for path in folder.rglob("*") if path.is_file() and "engines" not in path.parts)
    return {path for path in files if path.name != _FOREIGN}


def _refused(full: Callable, folder: Path, command: list) -> None:
    """Refused while the disk is full; done when it no longer is."""
    full(folder, partial(refused, command, folder))
    (folder / "disk").mkdir(exist_ok=True)
    run(command, folder)


def _temporary(full: Callable, folder: Path) -> None:
    """There is the room by which Python takes it for a temporary folder, but not that for the frames of a clip."""
    command = [*_GUIDED, "--out", "out.mp4"]
    full(folder, partial(refused, command, folder, TMPDIR=str(folder / "disk")), but=2**15)


def _goes_round(folder: Path, model: Path, variable: str) -> None:
    """A cache is no need: the video is made."""
    command = ["text2video", "a fox", "--model", model, "--steps", "2", "--frames", "2", "--device", "cpu", "--quiet"]
    command += ["--engine", "openvino", "--out", "out.mp4"]

    def works() -> None:
        run(command, folder, **{variable: str(folder / "disk")})
        expect((folder / "out.mp4").stat().st_size > 0, "there is no video")
        (folder / "out.mp4").unlink()

    _on_full_disk(folder, works)


def _service(folder: Path) -> None:
    """The disk of the jobs fills up while one runs: it ends with a line; others are taken on when there is room."""
    folder.mkdir()
    with small_disk(folder / "jobs", megabytes=520) as disk:
        service = Service(folder)
        asked = {"prompt": "a fox", "video_length": 2, "num_inference_steps": 40, "seed": 1}
        first = json.loads(service.asked("/jobs/text2video", asked)[1])["id"]
        wait_until(lambda: _job(service, first)["total"], 120, "the job does not begin")
        disk.fill()
        wait_until(lambda: _job(service, first)["ended"], 120, "the job does not end")
        error = _job(service, first)["error"]
        expect(error is None or ("\n" not in error and str(folder) not in error), f"it says {error}")
        status, _ = service.asked("/jobs/text2video", asked)
        expect(status == 507, f"a job on a full disk is answered with {status}")
        clip = (CLIPS / "panda.mp4").read_bytes()
        status, _ = service.asked("/clips", clip, "application/octet-stream")
        expect(status == 507, f"an upload to a full disk is answered with {status}")
        disk.empty()
        status, answer = service.asked("/jobs/text2video", {**asked, "num_inference_steps": 2})
        expect(status == 202, f"with room again a job is answered with {status}")
        again = json.loads(answer)["id"]
        wait_until(lambda: _job(service, again)["ended"], 120, "the next job does not end")
        expect(_job(service, again)["state"] == "done", f"the next job: {_job(service, again)['error']}")
        service.end()


def _job(service: Service, id: str) -> dict:
    return json.loads(service.asked(f"/jobs/{id}")[1])
