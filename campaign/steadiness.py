"""Several at once, the same again, and many in a row."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from random import Random

import tiny_model

from .kills import Service
from .process import QUICK, run, start, wait_until
from .trial import Trial, expect

_AT_ONCE = 4
_MOST_GROWTH = 60e6  # bytes
_WARM, _MORE = 5, 20  # jobs


def together(random: Random, number: int, folder: Path) -> Iterator[Trial]:
    """Runs that share a cache which is empty at first."""
    model = tiny_model.write_stable_diffusion(folder / "tiny")
    for engine in ("openvino", "eager")[:number]:
        yield Trial(f"{_AT_ONCE} runs with {engine}", partial(_together, folder / engine, model, engine))


def _together(folder: Path, model: Path, engine: str) -> None:
    folder.mkdir()
    command = ["text2video", "a fox", "--model", model, "--steps", "3", "--frames", "3", "--seed", "3", "--quiet"]
    command += ["--device", "cpu", "--engine", engine]
    processes = [start([*command, "--out", f"{index}.mp4"], folder) for index in range(_AT_ONCE)]
    said = [process.communicate()[1] for process in processes]
    codes = [process.returncode for process in processes]
    expect(codes == [0] * _AT_ONCE, f"they end with {codes}: {[each[-200:] for each in said if each][:1]}")
    videos = {(folder / f"{index}.mp4").read_bytes() for index in range(_AT_ONCE)}
    expect(len(videos) == 1, f"{len(videos)} different videos")


def again(random: Random, number: int, folder: Path) -> Iterator[Trial]:
    """What must not change a byte."""
    model = tiny_model.write_stable_diffusion(folder / "tiny")
    made = ["text2video", "a fox", "--model", model, "--steps", "4", "--frames", "6", "--seed", "3"]
    eager, exported = [*made, *QUICK], [*made, "--device", "cpu", "--engine", "openvino", "--quiet"]
    variants = {
        "the same": (eager, eager),
        "chunks of 2": (eager, [*eager, "--chunk-size", "2"]),
        "a checkpoint": (eager, [*eager, "--checkpoint-dir", "state"]),
        "one network at a time": (eager, [*eager, "--offload", "networks"]),
        "a full cache": (exported, exported),
    }
    for name, (one, other) in list(variants.items())[: number - 1]:
        yield Trial(name, partial(_same, folder / name, one, other))
    yield Trial("workers", partial(_workers, folder / "workers", model))


def _same(folder: Path, one: Sequence, other: Sequence) -> None:
    folder.mkdir()
    run([*one, "--out", "one.gif"], folder)
    run([*other, "--out", "other.gif"], folder)
    expect(_frames(folder / "one.gif") == _frames(folder / "other.gif"), "the frames differ")


def _workers(folder: Path, model: Path) -> None:
    folder.mkdir()
    rows = [{"prompt": "a fox", "seed": seed, "model_name": str(model), "num_inference_steps": 3} for seed in range(4)]
    (folder / "rows.jsonl").write_text("\n".join(json.dumps({**row, "video_length": 3}) for row in rows))
    for workers in ("1", "2"):
        run(["batch", "rows.jsonl", "--out", workers, "--workers", workers, *QUICK], folder)
    for file in (folder / "1").glob("*.mp4"):
        expect(file.read_bytes() == (folder / "2" / file.name).read_bytes(), f"{file.name} differs")


def _frames(file: Path) -> bytes:
    from ppt2v import video

    return video.read(file, multiple=1).frames.tobytes()


def soak(random: Random, number: int, folder: Path) -> Iterator[Trial]:
    """Jobs of one service, one after the other."""
    for index in range(number):
        yield Trial(f"{_WARM + _MORE} jobs", partial(_soak, folder / str(index)))


def _soak(folder: Path) -> None:
    folder.mkdir()
    service = Service(folder)
    for seed in range(_WARM):
        _done(service, seed)
    before = _taken(service)
    for seed in range(_WARM, _WARM + _MORE):
        _done(service, seed)
    memory, files, threads = (now - then for now, then in zip(_taken(service), before))
    said = service.end()
    expect(memory <= _MOST_GROWTH, f"{_MORE} jobs took {memory / 1e6:.0f} MB")
    expect(files <= 2 and threads <= 2, f"{_MORE} jobs took {files} files and {threads} threads")
    expect("Traceback" not in said, f"it says {said[-300:]}")


def _done(service: Service, seed: int) -> None:
    asked = {"prompt": "a fox", "video_length": 2, "num_inference_steps": 2, "seed": seed}
    id = json.loads(service.asked("/jobs/text2video", asked)[1])["id"]
    wait_until(lambda: json.loads(service.asked(f"/jobs/{id}")[1])["ended"], 300, "a job does not end")


def _taken(service: Service) -> tuple[float, int, int]:
    """Bytes of memory, open files and threads of the service."""
    process = Path(f"/proc/{service.process.pid}")
    status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
    memory = 1024.0 * int(status["VmRSS"].split()[0])
    return memory, len(list((process / "fd").iterdir())), int(status["Threads"])
