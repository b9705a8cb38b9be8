"""Compares ppt2v with PyTorch diffusers and with PPDiffusers: the same weights, noise, threads and steps, in turn.

    make bench TORCH_PYTHON=/path/to/a/venv/with/torch/and/diffusers/bin/python [BENCH="--task canny --rounds 1"]

Prints how long it will take, then a Markdown table, and writes results.json, results.md and results.png into
benchmarks/results; rows that are there and are not measured again stay. The models are random and of the published
sizes (4 to 6 GB each, kept in --folder); ``--tiny`` takes tiny ones, to try the benchmark itself, and writes into
--folder.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import comparisons
import results
from work import Work

HERE = Path(__file__).parent
RESULTS = HERE.parent / "tests" / "benchmarks"


class Row(NamedTuple):
    """A measurement: what it is called, whom it is compared with, the work (None: it has none), and the figures."""

    name: str
    against: str
    work: Work | None
    result: dict


def measure(python: str, worker: str, work: Work, folder: str) -> dict[str, float]:
    """Runs one worker in a process of its own; its last line of output is its report."""
    command = [python, str(HERE / f"worker_{worker}.py"), work.argument, folder]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def ratios(ours: list[dict], theirs: list[dict]) -> dict:
    """Median ratios of runs, in the form of a row."""
    mine, other = ours[-1], theirs[-1]
    found = {
        f"{name}_ratio": round(statistics.median(one[key] / two[key] for one, two in zip(ours, theirs)), 3)
        for name, key in (("time", "seconds"), ("memory", "peak_mb"))
    }
    return {
        **found,
        "seconds": [round(run["seconds"], 2) for run in (mine, other)],
        "peak_mb": [round(run["peak_mb"]) for run in (mine, other)],
        "difference": other.get("difference"),
    }


class Bench:
    """What can be measured, with models that are made when they are needed.

    Args:
        python: of a virtual environment with torch and diffusers.
        folder: where the random models are kept.
        tiny: whether they are tiny.
    """

    def __init__(self, python: str, folder: Path, tiny: bool):
        self.python, self.folder, self.tiny = python, folder, tiny

    def of(self, work: Work) -> Work:
        """The work with its model; on tiny ones of a quarter of the side."""
        kind = "sd15" if work.task == "text2video" else work.task
        model = self.folder / (f"{kind}-tiny" if self.tiny else kind)
        if not (model / "model_index.json").exists():
            script, tiny = str(HERE / "random_model.py"), ["tiny"] if self.tiny else []
            subprocess.run([self.python, script, work.task, str(model), *tiny], check=True)
        return replace(work, model=str(model), size=work.size // 4 if self.tiny else work.size)

    def compare(self, name: str, against: str, work: Work, rounds: int) -> Row:
        """ppt2v and another side in turn, after a run that exports."""
        work = self.of(work)
        python, worker = (sys.executable, against) if against == "ppdiffusers" else (self.python, "diffusers")
        ours, theirs = [], []
        with tempfile.TemporaryDirectory() as shared:
            measure(sys.executable, "ppt2v", replace(work, steps=2, frames=2), shared)
            for _ in range(rounds):
                ours.append(measure(sys.executable, "ppt2v", work, shared))
                theirs.append(measure(python, worker, work, shared))
        return Row(work.task, against, work, ratios(ours, theirs))

    def merging(self) -> Iterator[Row]:
        """Token merging against none, at a size where there are many tokens."""
        work = self.of(replace(comparisons.CASES["text2video-512"], frames=2, steps=2, precision="bfloat16"))
        with tempfile.TemporaryDirectory() as shared:
            runs = {}
            for ratio in (0.0, 0.25, 0.5, 0.75):
                for _ in range(2):  # the first one exports
                    runs[ratio] = measure(sys.executable, "ppt2v", replace(work, merging_ratio=ratio), shared)
        for ratio, run in runs.items():
            if ratio:
                changed = replace(work, merging_ratio=ratio)
                yield Row(f"merging {ratio:g}", "no merging", changed, ratios([run], [runs[0.0]]))

    def lengths(self) -> Iterator[Row]:
        """Time per frame and peak memory of longer and longer clips of the embedded model at one chunk size."""
        first = Work("embedded", size=128, precision="bfloat16")
        runs = {}
        with tempfile.TemporaryDirectory() as shared:
            for frames in (8, 16, 32, 64):
                run = measure(sys.executable, "ppt2v", replace(first, frames=frames), shared)
                runs[frames] = {**run, "seconds": run["seconds"] / frames}
        for frames in (16, 32, 64):
            yield Row(
                f"{frames} frames, each", "8 frames", replace(first, frames=frames), ratios([runs[frames]], [runs[8]])
            )

    def limit(self) -> Iterator[Row]:
        """The UNet's time over what its GFLOP take at the machine's own speed in matrix products and convolutions."""
        for precision in comparisons.DIFFUSERS:
            yield self._limit(self.of(replace(comparisons.CASES["text2video"], precision=precision, steps=5)))

    def _limit(self, work: Work) -> Row:
        with tempfile.TemporaryDirectory() as shared:
            machine = measure(self.python, "limit", work, shared)
            few, many = (
                measure(sys.executable, "ppt2v", replace(work, frames=frames), shared)["seconds"] for frames in (1, 8)
            )
        seconds, best = many - few, machine["gflop_per_frame"] * 7 * work.steps / machine["limit"]
        figures = {
            "time_ratio": round(seconds / best, 3),
            "memory_ratio": None,
            "seconds": [round(seconds, 2), round(best, 2)],
            "gflop_per_s": [round(rate) for rate in (machine["limit"] * best / seconds, machine["limit"])],
        }
        return Row("UNet", "machine's limit", work, figures)

    def start_up(self) -> Iterator[Row]:
        """``ppt2v --help``, and the embedded demo from process start to file; the best of three."""
        ppt2v = str(Path(sys.executable).with_name("ppt2v"))
        with tempfile.TemporaryDirectory() as folder:
            demo = [ppt2v, "text2video", "a fox in the snow", "--seed", "0", "--quiet", "--out", f"{folder}/fox.mp4"]
            for name, command, aim in (("ppt2v --help", [ppt2v, "--help"], 1), ("demo, warm cache", demo, 20)):
                seconds = round(min(_seconds(command) for _ in range(3)), 2)
                figures = {"time_ratio": round(seconds / aim, 3), "memory_ratio": None, "seconds": [seconds, aim]}
                yield Row(name, "1 second" if aim == 1 else f"{aim} seconds", None, figures)


def _seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    known = [*comparisons.CASES, *comparisons.ALONE]
    parser.add_argument("--torch-python", default="", help="python of a venv with torch, diffusers and transformers")
    parser.add_argument("--task", nargs="*", default=known, choices=known, metavar="TASK", help=", ".join(known))
    parser.add_argument(
        "--against", nargs="*", default=["diffusers", "ppdiffusers"], choices=("diffusers", "ppdiffusers")
    )
    parser.add_argument("--precision", nargs="*", default=list(comparisons.DIFFUSERS), choices=comparisons.DIFFUSERS)
    parser.add_argument("--rounds", type=int, default=3, help="of the comparisons with diffusers")
    parser.add_argument("--steps", type=int, help="of each comparison, instead of its own number")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "ppt2v-bench")
    parser.add_argument("--tiny", action="store_true", help="tiny networks, to try the benchmark itself")
    args = parser.parse_args()
    if not Path(args.torch_python).is_file():
        sys.exit("give --torch-python (make bench TORCH_PYTHON=...): a python with torch and diffusers to compare with")
    return args


def main() -> None:
    args = arguments()
    chosen = [
        (name, against, replace(work, steps=args.steps or work.steps))
        for name in args.task
        if name in comparisons.CASES
        for whom in args.against
        for against, work in comparisons.pairs(name, whom, args.precision)
    ]
    rounds = {against: 1 if against == "ppdiffusers" else args.rounds for _, against, _ in chosen}
    announce(chosen, rounds, args.tiny)
    bench = Bench(args.torch_python, args.folder, args.tiny)
    tasks: list[Callable[[], Iterator[Row]]] = [
        lambda case=case: iter([bench.compare(*case, rounds[case[1]])]) for case in chosen
    ]
    tasks += [getattr(bench, name.replace("-", "_")) for name in args.task if name in comparisons.ALONE]
    print(results.HEADER, flush=True)
    folder, rows = args.folder if args.tiny else RESULTS, []
    for task in tasks:
        for measured in task():
            rows = results.keep(results.row(*measured), folder)
            print(results.line(rows[-1]), flush=True)
    if rows:
        results.write_table(rows, folder)
        results.plot(rows, folder)


def announce(chosen: list[tuple[str, str, Work]], rounds: dict[str, int], tiny: bool) -> None:
    """Prints how long the comparisons will take."""
    if tiny or not chosen:
        return
    rate = comparisons.machine_rate()
    print(f"Estimates for a machine of {rate:.0f} GFLOP/s in float32; making a model takes some minutes more.")
    seconds = {
        (name, against): comparisons.estimate(against, work, rounds[against], rate) for name, against, work in chosen
    }
    for (name, against), each in seconds.items():
        print(f"  {name} against {against}: {each / 60:.0f} minutes")
    print(f"  together: {sum(seconds.values()) / 60:.0f} minutes", flush=True)


if __name__ == "__main__":
    main()
