"""Kills at random moments: of runs, of exports, of batches, of trainings, of a service."""

from __future__ import annotations

import json
import shutil
import signal
import threading
import time
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random

import tiny_model

from . import CLIPS
from .process import QUICK, ended_after, group_of, run, start, unfinished, wait_until
from .trial import Trial, expect

_RUN = ("--steps", "12", "--frames", "4", "--seed", "3", *QUICK)


def runs(random: Random, number: int, folder: Path) -> Iterator[Trial]:
    """A run that is killed once or twice, then resumed."""
    model = tiny_model.write_stable_diffusion(folder / "tiny")
    began = time.monotonic()
    run(["text2video", "a fox", "--model", model, "--out", "whole.mp4", *_RUN], folder)
    whole, seconds = (folder / "whole.mp4").read_bytes(), time.monotonic() - began
    for index in range(number):
        moments = [random.uniform(0.05, 1) * seconds for _ in range(random.choice([1, 1, 2]))]
        name = f"after {', '.join(f'{moment:.1f} s' for moment in moments)}"
        yield Trial(name, partial(_run, folder / str(index), model, moments, whole))


def _run(folder: Path, model: Path, moments: list[float], whole: bytes) -> None:
    folder.mkdir()
    command = ["text2video", "a fox", "--model", model, "--out", "made.mp4", "--resume", *_RUN]
    for moment in moments:
        ended_after(start(command, folder), moment)
    if (folder / "made.mp4").exists():  # it was done before it was to be killed
        return
    run(command, folder)
    expect((folder / "made.mp4").read_bytes() == whole, "the resumed video has other bytes")
    expect(not unfinished(folder), f"it leaves {unfinished(folder)}")


def exports(random: Random, number: int, folder: Path) -> Iterator[Trial]:
    """The export of networks for an engine, killed; the next run exports them again."""
    model = tiny_model.write_stable_diffusion(folder / "tiny")
    command = ["text2video", "a fox", "--model", model, "--device", "cpu", "--engine", "openvino", "--quiet"]
    command += ["--steps", "2", "--frames", "2", "--seed", "3", "--out", "made.mp4"]
    (folder / "whole").mkdir()
    began = time.monotonic()
    run(command, folder / "whole")
    whole, seconds = (folder / "whole" / "made.mp4").read_bytes(), time.monotonic() - began
    for index in range(number):
        moment = random.uniform(0.3, 1) * seconds
        yield Trial(f"after {moment:.1f} s", partial(_export, folder / str(index), command, moment, whole))


def _export(folder: Path, command: list, moment: float, whole: bytes) -> None:
    folder.mkdir()
    ended_after(start(command, folder), moment)
    run(command, folder)
    expect((folder / "made.mp4").read_bytes() == whole, "the video has other bytes")
    expect(not unfinished(folder), f"it leaves {unfinished(folder)}")


def batches(random: Random, number: int, folder: Path) -> Iterator[Trial]:
    """A batch of two workers that is terminated, killed or interrupted, and begun again."""
    model = tiny_model.write_stable_diffusion(folder / "tiny")
    rows = [{"prompt": "a fox", "seed": seed, "model_name": str(model), "num_inference_steps": 4} for seed in range(5)]
    file = folder / "rows.jsonl"
    file.write_text("\n".join(json.dumps({**row, "video_length": 2}) for row in rows), encoding="utf-8")
    command = ["batch", file, "--out", "made", "--workers", "2", *QUICK]
    (folder / "whole").mkdir()
    began = time.monotonic()
    run(command, folder / "whole")
    seconds = time.monotonic() - began
    for index in range(number):
        end = (signal.SIGTERM, signal.SIGKILL, signal.SIGINT)[index % 3]
        moment = random.uniform(0.1, 1) * seconds
        yield Trial(f"{end.name} after {moment:.1f} s", partial(_batch, folder / str(index), command, moment, end))


def _batch(folder: Path, command: list, moment: float, end: signal.Signals) -> None:
    folder.mkdir()
    process = start(command, folder)
    said = ended_after(process, moment, end)
    wait_until(lambda: not group_of(process), 2, "processes are left after 2 s")
    expect("Traceback" not in said, f"it says {said[-300:]}")
    made = {file.name: file.stat().st_mtime_ns for file in (folder / "made").glob("*.mp4")}
    run(command, folder)
    now = {file.name: file.stat().st_mtime_ns for file in (folder / "made").glob("*.mp4")}
    expect(len(now) == 5, f"{len(now)} of 5 videos")
    expect(all(now[name] == at for name, at in made.items()), "a video was made twice")
    expect(not unfinished(folder), f"it leaves {unfinished(folder)}")


def trainings(random: Random, number: int, folder: Path) -> Iterator[Trial]:
    """A Dreambooth training that is killed, then resumed."""
    from PIL import Image

    model = tiny_model.write_stable_diffusion(folder / "tiny")
    (folder / "pictures").mkdir()
    for shade in range(3):
        Image.new("RGB", (16, 16), (80 * shade, 40, 200)).save(folder / "pictures" / f"{shade}.png")
    command = ["dreambooth", "train", "--images", folder / "pictures", "--prompt", "a sks fox"]
    command += ["--model", model, "--resolution", "16", "--seed", "3", "--steps", "30", "--save-every", "5"]
    command += ["--out", "made", "--device", "cpu", "--quiet"]
    (folder / "whole").mkdir()
    began = time.monotonic()
    run(command, folder / "whole")
    whole, seconds = _weights(folder / "whole"), time.monotonic() - began
    for index in range(number):
        moment = random.uniform(0.3, 1) * seconds
        yield Trial(f"after {moment:.1f} s", partial(_train, folder / str(index), command, moment, whole))


def _train(folder: Path, command: list, moment: float, whole: dict[str, bytes]) -> None:
    folder.mkdir()
    ended_after(start(command, folder), moment)
    if not (folder / "made" / "model_index.json").exists():
        run([*command, "--resume"] if (folder / "made").exists() else command, folder)
    expect(_weights(folder) == whole, "the resumed model has other weights")
    expect(not unfinished(folder), f"it leaves {unfinished(folder)}")


def _weights(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("made/**/*.safetensors")}


def services(random: Random, number: int, folder: Path) -> Iterator[Trial]:
    """A service with 12 jobs that is killed 8 times."""
    for index in range(number):
        moments = [random.uniform(1, 6) for _ in range(8)]
        yield Trial("12 jobs, 8 kills", partial(_serve, folder / str(index), moments))


class Service:
    """A running ``ppt2v serve``."""

    def __init__(self, folder: Path, *options: str, **variables: str):
        self.process = start(["serve", "--port", "0", "--folder", "jobs", *QUICK[:4], *options], folder, **variables)
        line = self.process.stderr.readline()
        expect("http://" in line, f"it does not begin: {line}")
        self.address = f"http://{line.split('http://')[1].split(',')[0].strip()}"
        self._said: list[str] = []  # a pipe that nobody reads fills up, and the service waits
        self._listening = threading.Thread(target=lambda: self._said.extend(self.process.stderr), daemon=True)
        self._listening.start()

    def asked(self, path: str, body: object = None, kind: str = "application/json") -> tuple[int, bytes]:
        """Status and body of an answer."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.address}{path}", data, {"Content-Type": kind} if data else {})
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def jobs(self) -> list[dict]:
        """All of them, the newest first."""
        return json.loads(self.asked("/jobs?last=1000")[1])

    def end(self, number: signal.Signals = signal.SIGINT) -> str:
        """Ends it; what it said on standard error."""
        self.process.send_signal(number)
        self.process.wait()
        self._listening.join()
        return "".join(self._said)


def _serve(folder: Path, moments: list[float]) -> None:
    folder.mkdir()
    shutil.copy(CLIPS / "panda.mp4", folder / "clip.mp4")
    service = Service(folder)
    asked = {"prompt": "a fox", "video_length": 2, "num_inference_steps": 6}
    for seed in range(12):
        status, answer = service.asked("/jobs/text2video", {**asked, "seed": seed})
        expect(status == 202, f"a job is answered with {status}: {answer[:200]!r}")
    for moment in moments:
        time.sleep(moment)
        service.end(signal.SIGKILL)
        service = Service(folder)
    wait_until(lambda: all(job["ended"] for job in service.jobs()), 1200, "the jobs do not end")
    jobs = service.jobs()
    said = service.end()
    states = [job["state"] for job in jobs]
    expect(states == ["done"] * 12, f"the jobs are {states}: {[job['error'] for job in jobs if job['error']][:2]}")
    expect(len(list((folder / "jobs").glob("*/video.mp4"))) == 12, "there are not 12 videos")
    expect(not unfinished(folder), f"it leaves {unfinished(folder)}")
    expect("Traceback" not in said, f"it says {said[-300:]}")
