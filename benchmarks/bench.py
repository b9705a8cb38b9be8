"""Compares ppt2v with PyTorch diffusers: the same weights, noise, threads and steps, one after the other in turn.

    make bench TORCH_PYTHON=/path/to/a/venv/with/torch/and/diffusers/bin/python

Prints a Markdown table and writes tests/benchmarks/results.json. The model is random and of Stable Diffusion 1.5's size
(4.3 GB, kept in --folder); ``--model embedded`` takes the embedded one, which is done in minutes instead of an hour.
"""
from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path

from work import Work

HERE = Path(__file__).parent
AGAINST = {"float32": "diffusers", "bfloat16": "diffusers-bf16"}  # what a precision is compared with
RESULTS = HERE.parent / "tests" / "benchmarks" / "results.json"


def measure(python: str, worker: str, work: Work, folder: str) -> dict[str, float]:
    """Runs one worker in a process of its own; its last line of output is its report."""
    command = [python, str(HERE / f"worker_{worker}.py"), work.argument, folder]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def side_by_side(ours: Work, theirs: Work, python: str, worker: str, rounds: int) -> dict:
    """Median ratios of alternating runs: ppt2v on ``ours`` over ``worker`` on ``theirs``."""
    with tempfile.TemporaryDirectory() as folder:
        measure(sys.executable, "ppt2v", replace(ours, steps=2, frames=2), folder)  # exports
        runs = [(measure(sys.executable, "ppt2v", ours, folder), measure(python, worker, theirs, folder))
                for _ in range(rounds)]
    ratios = {f"{name}_ratio": round(statistics.median(mine[key] / other[key] for mine, other in runs), 3)
              for name, key in (("time", "seconds"), ("memory", "peak_mb"))}
    mine, other = runs[-1]
    return {**ratios, "seconds": [round(run["seconds"], 2) for run in (mine, other)],
            "peak_mb": [round(run["peak_mb"]) for run in (mine, other)], "difference": other.get("difference")}


def comparisons(work: Work, torch_python: str, rounds: int, precisions: list[str]):
    """Yields the rows: whom against, the settings and the ratios."""
    for precision in precisions:
        settings = replace(work, precision=precision)
        yield AGAINST[precision], settings, side_by_side(settings, settings, torch_python, "diffusers", rounds)
    if work.task != "text2video":
        return
    # ppt2v's own pipeline on eager Paddle computes less than PPDiffusers' does, so this is in favour of the latter.
    short = replace(work, steps=2)
    eager = replace(short, engine="eager")
    yield "paddle-eager", short, side_by_side(short, eager, sys.executable, "ppt2v", 1)


def lengths(work: Work) -> list[dict]:
    """Time per frame and peak memory of longer and longer clips at one chunk size."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for frames in (8, 16, 32, 64):
            run = measure(sys.executable, "ppt2v", replace(work, frames=frames), folder)
            found.append({"frames": frames, "seconds_per_frame": run["seconds"] / frames, "peak_mb": run["peak_mb"]})
    return found


def limit(work: Work, torch_python: str) -> dict[str, float]:
    """How much of the machine's own speed in matrix products and convolutions the followers' steps reach."""
    with tempfile.TemporaryDirectory() as folder:
        machine = measure(torch_python, "limit", work, folder)
        few, many = (measure(sys.executable, "ppt2v", replace(work, frames=frames, steps=5), folder)["seconds"]
                     for frames in (1, 8))
    rate = machine["gflop_per_frame"] * 7 * 5 / (many - few)
    return {"gflop_per_s": rate, "machine": machine["limit"], "share": rate / machine["limit"]}


def start_up() -> dict[str, float]:
    """Seconds of ``ppt2v --help`` and of the embedded demo from process start to file, the best of three."""
    ppt2v = str(Path(sys.executable).with_name("ppt2v"))
    with tempfile.TemporaryDirectory() as folder:
        demo = [ppt2v, "text2video", "a fox in the snow", "--seed", "0", "--quiet", "--out", f"{folder}/fox.mp4"]
        return {name: min(_seconds(command) for _ in range(3))
                for name, command in (("help", [ppt2v, "--help"]), ("demo", demo))}


def _seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def _machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor()}, {os.environ.get('OMP_NUM_THREADS', os.cpu_count())} threads"


def record(name: str, against: str, settings: Work, result: dict) -> dict:
    """A row of results.json."""
    settings = {key: value for key, value in asdict(settings).items() if key not in ("model", "task")}
    return {"work": name, "against": against, **result, "settings": settings, "machine": _machine(),
            "date": date.today().isoformat()}


def keep(rows: list[dict]) -> None:
    """Writes results.json; rows of other work and sizes that are there stay."""
    def place(row: dict) -> tuple:
        return row["work"], row["against"], row["settings"]["size"]

    before = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    new = {place(row) for row in rows}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps([row for row in before if place(row) not in new] + rows, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch-python", default="", help="python of a venv with torch, diffusers and transformers")
    parser.add_argument("--model", default="", help="a model folder, or embedded; random weights if not given")
    parser.add_argument("--task", default="text2video", choices=("text2video", "canny", "pix2pix"))
    parser.add_argument("--precision", nargs="*", default=list(AGAINST), choices=AGAINST)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "ppt2v-bench")
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    if not Path(args.torch_python).is_file():
        sys.exit("give --torch-python (make bench TORCH_PYTHON=...): a python with torch and diffusers to compare with")
    embedded = args.model == "embedded"
    random = args.folder / ("sd15" if args.task == "text2video" else f"sd15-{args.task}")
    model = str(HERE.parent / "__assets__" / "embedded") if embedded else args.model or str(random)
    if not args.model and not (random / "model_index.json").exists():
        subprocess.run([args.torch_python, str(HERE / "random_model.py"), args.task, model], check=True)
    work = Work(model, args.task, args.frames, args.steps, 128 if embedded else args.size)
    print("| work | against | time | peak memory | seconds | MB | largest difference of latents / std |")
    print("|---|---|---|---|---|---|---|")
    rows = []
    for against, settings, result in comparisons(work, args.torch_python, args.rounds, args.precision):
        rows.append(record("embedded" if embedded else work.task, against, settings, result))
        cells = (rows[-1]["work"], against, result["time_ratio"], result["memory_ratio"], result["seconds"],
                 result["peak_mb"], result["difference"])
        print(f"| {' | '.join(map(str, cells))} |", flush=True)
    keep(rows)
    if work.task == "text2video":
        alone(work, args.torch_python, embedded)


def alone(work: Work, torch_python: str, embedded: bool) -> None:
    """Prints what ppt2v is measured in without another side."""
    for found in lengths(replace(work, model="embedded", size=128, precision="bfloat16")):
        print(f"{found['frames']} frames: {found['seconds_per_frame']:.2f} s per frame, {found['peak_mb']:.0f} MB")
    if not embedded:
        reached = limit(replace(work, precision="bfloat16"), torch_python)
        print(f"UNet: {reached['gflop_per_s']:.0f} GFLOP/s of the machine's {reached['machine']:.0f} in bfloat16: "
              f"{reached['share']:.2f}")
    seconds = start_up()
    print(f"ppt2v --help: {seconds['help']:.2f} s; embedded demo with a warm cache: {seconds['demo']:.1f} s")


if __name__ == "__main__":
    main()
