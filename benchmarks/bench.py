"""Compares ppt2v with PyTorch diffusers and with PPDiffusers: the same weights, noise, threads and steps, in turn.

    make bench TORCH_PYTHON=/path/to/a/venv/with/torch/and/diffusers/bin/python [BENCH="--task canny --rounds 1"]

Prints how long it will take, then a Markdown table, and writes results.json, results.md and results.png into
benchmarks/results; rows that are there and are not measured again stay. The models are random and of the published
sizes (4 to 7 GB each, kept in --folder); ``--tiny`` takes tiny ones, to try the benchmark itself, and writes into
--folder.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import comparisons
import results
from comparisons import Comparison
from work import Work

HERE = Path(__file__).parent
RESULTS = HERE / "results"
DEMO = ["text2video", "a fox in the snow", "--seed", "0", "--quiet"]


class Row(NamedTuple):
    """A measurement: what it is called, whom it is compared with, the work (None: it has none), and the figures."""

    name: str
    against: str
    work: Work | None
    result: dict


# Tasks whose model is that of another one, with a part beside it.
BASES = {"text2video": "sd15", "canny": "sd15", "animate": "sd15"}
PARTS = {"canny": "controlnet/config.json", "animate": "motion/config.json"}


def measure(python: str, worker: str, work: Work, folder: str, cache: str | None = None) -> dict[str, Any]:
    """Runs one worker in a process of its own; its last line of output is its report.

    ``cache``: where ppt2v keeps exported networks; None: in the usual place.
    """
    command = [python, str(HERE / f"worker_{worker}.py"), work.argument, folder]
    environment = {**os.environ, **({"PPT2V_CACHE": cache} if cache else {})}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def ratios(ours: list[dict], theirs: list[dict]) -> dict:
    """Median ratios of runs, in the form of a row; the figures beside them are those of the last runs."""
    mine, other = ours[-1], theirs[-1]
    found = {
        f"{name}_ratio": round(statistics.median(one[key] / two[key] for one, two in zip(ours, theirs)), 3)
        for name, key in (("time", "seconds"), ("memory", "peak_mb"))
    }
    return {
        **found,
        "seconds": [round(run["seconds"], 2) for run in (mine, other)],
        "peak_mb": [round(run["peak_mb"]) for run in (mine, other)],
        "allocated_mb": [round(run["allocated_mb"]) for run in (mine, other)],
        "rounds": len(ours),
    }


class Bench:
    """What can be measured, with models that are made when they are needed.

    Args:
        python: of a virtual environment with torch and diffusers.
        folder: where the random models are kept.
        tiny: whether they are tiny.
        before: the command ppt2v of another build, to compare the start-up with; "" for none.
    """

    def __init__(self, python: str, folder: Path, tiny: bool, before: str):
        self.python, self.folder, self.tiny, self.before = python, folder, tiny, before
        self._faster: str | None = None  # precision of diffusers on this machine

    def of(self, work: Work) -> Work:
        """The work with its model; on tiny ones of half the side."""
        kind = BASES.get(work.task, work.task)
        model = self.folder / (f"{kind}-tiny" if self.tiny else kind)
        if not (model / PARTS.get(work.task, "model_index.json")).exists():
            script, tiny = str(HERE / "random_model.py"), ["tiny"] if self.tiny else []
            subprocess.run([self.python, script, work.task, str(model), *tiny], check=True)
        return replace(work, model=str(model), size=work.size // 2 if self.tiny else work.size)

    def compare(self, comparison: Comparison, rounds: int) -> Iterator[Row]:
        """ppt2v and another side in turn, after runs that export."""
        works = [self.of(work) for work in comparison.works]
        ours: list[list[dict]] = [[] for _ in works]
        theirs = []
        with tempfile.TemporaryDirectory() as shared:
            for work in works:
                measure(sys.executable, "ppt2v", replace(work, steps=2, frames=2), shared)
            other = self._other_side(comparison, works[0], shared)
            for _ in range(rounds):
                for work, runs in zip(works, ours):
                    runs.append(measure(sys.executable, "ppt2v", work, shared))
                theirs.append(other(works[0]))
        for work, runs in zip(works, ours):
            found = {**ratios(runs, theirs), "precisions": [runs[-1]["precision"], theirs[-1]["precision"]]}
            if len(works) == 1:  # else theirs is compared with the last of ours alone
                found["difference"] = theirs[-1]["difference"]
            yield Row(work.task, comparison.against, work, found)

    def _other_side(self, comparison: Comparison, work: Work, shared: str) -> Callable[[Work], dict]:
        """What measures a work of the other side, on what a short run of ours left in a folder."""
        if comparison.against == "ppdiffusers":
            return lambda work: measure(sys.executable, "ppdiffusers", work, shared) | {"precision": "float32"}

        def run(work: Work, precision: str) -> dict:
            found = measure(self.python, "diffusers", replace(work, precision=precision), shared)
            return {**found, "precision": precision}

        if comparison.against == comparisons.BEST and self._faster is None:
            short = replace(work, steps=2, frames=2)
            seconds = {name: run(short, name)["seconds"] for name in comparisons.DIFFUSERS}
            self._faster = min(seconds, key=lambda name: seconds[name])
            print(f"diffusers, in seconds for two frames: {seconds}", file=sys.stderr, flush=True)
        precision = self._faster if comparison.against == comparisons.BEST else work.precision
        return lambda work: run(work, precision)

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

    def disk(self) -> Iterator[Row]:
        """What a further size of a model takes of the disk, over what the first one took."""
        first = self.of(replace(comparisons.CASES["text2video"], frames=2, steps=2))
        for precision in comparisons.BEST_OF:
            work = replace(first, precision=precision)
            with tempfile.TemporaryDirectory() as shared, tempfile.TemporaryDirectory(dir=self.folder) as cache:
                sizes = []
                for size in (work.size, work.size * 3 // 2):
                    measure(sys.executable, "ppt2v", replace(work, size=size), shared, cache)
                    sizes.append(sum(file.stat().st_size for file in Path(cache).rglob("*")) / 2**20)
            added = sizes[1] - sizes[0]
            figures = {"time_ratio": None, "memory_ratio": round(added / sizes[0], 3)}
            pair = [round(added, 1), round(sizes[0])]
            yield Row("disk, a further size", "the first size", work, {**figures, "peak_mb": pair})

    def start_up(self) -> Iterator[Row]:
        """``ppt2v --help``, and the embedded demo with a warm cache from process start to file; the best of three."""
        ppt2v = str(Path(sys.executable).with_name("ppt2v"))
        with tempfile.TemporaryDirectory() as folder:
            demo = [*DEMO, "--out", f"{folder}/fox.mp4"]
            for name, command, aim in (("ppt2v --help", ["--help"], 1), ("demo, warm cache", demo, 20)):
                seconds = round(min(_seconds([ppt2v, *command]) for _ in range(3)), 2)
                figures = {"time_ratio": round(seconds / aim, 3), "memory_ratio": None, "seconds": [seconds, aim]}
                yield Row(name, "1 second" if aim == 1 else f"{aim} seconds", None, figures)
            if self.before:
                yield from self._demos(ppt2v, demo)

    def _demos(self, ppt2v: str, demo: list[str]) -> Iterator[Row]:
        """The demo in turn with another build; the best of three behind one that fills the caches."""
        commands = {
            "demo, warm cache": [ppt2v, *demo],
            "demo, warm cache, int8": [ppt2v, *demo, "--dtype", "int8"],
            "before": [self.before, *demo],
        }
        rounds = [{name: _seconds(command) for name, command in commands.items()} for _ in range(4)]
        best = {name: min(each[name] for each in rounds[1:]) for name in commands}
        before = best.pop("before")
        for name, seconds in best.items():
            pair = [round(seconds, 2), round(before, 2)]
            yield Row(name, "build before", None, {"time_ratio": round(seconds / before, 3), "seconds": pair})


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
    precisions = [*comparisons.DIFFUSERS, *comparisons.BEST_OF]
    parser.add_argument("--precision", nargs="*", default=precisions, choices=precisions, help="of ppt2v")
    parser.add_argument("--rounds", type=int, default=3, help="of the comparisons with diffusers")
    parser.add_argument("--steps", type=int, help="of each comparison, instead of its own number")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "ppt2v-bench")
    parser.add_argument("--before", default="", help="ppt2v (the command) of another build, for start-up")
    parser.add_argument("--tiny", action="store_true", help="tiny networks, to try the benchmark itself")
    args = parser.parse_args()
    if not Path(args.torch_python).is_file():
        sys.exit("give --torch-python (make bench TORCH_PYTHON=...): a python with torch and diffusers to compare with")
    return args


def main() -> None:
    args = arguments()
    chosen = [
        each._replace(works=tuple(replace(work, steps=args.steps or work.steps) for work in each.works))
        for name in args.task
        if name in comparisons.CASES
        for whom in args.against
        for each in comparisons.comparisons(name, whom, args.precision)
    ]
    if not args.tiny:
        announce(chosen, args.rounds)
    bench = Bench(args.torch_python, args.folder, args.tiny, args.before)
    tasks: list[Callable[[], Iterator[Row]]] = [
        lambda each=each: bench.compare(each, rounds_of(each, args.rounds)) for each in chosen
    ]
    tasks += [getattr(bench, name.replace("-", "_")) for name in args.task if name in comparisons.ALONE]
    print(results.HEADER, flush=True)
    folder = args.folder if args.tiny else RESULTS
    for task in tasks:
        for measured in task():
            rows = results.keep(results.row(*measured), folder)
            print(results.line(rows[-1]), flush=True)
            results.write_table(rows, folder)
            results.plot(rows, folder)


def rounds_of(comparison: Comparison, rounds: int) -> int:
    """PPDiffusers is so much slower that one round tells."""
    return 1 if comparison.against == "ppdiffusers" else rounds


def announce(chosen: list[Comparison], rounds: int) -> None:
    """Prints how long the comparisons will take."""
    if not chosen:
        return
    rate = comparisons.machine_rate()
    print(f"Estimates for a machine of {rate:.0f} GFLOP/s in float32; making a model takes some minutes more.")
    seconds = [comparisons.estimate(each, rounds_of(each, rounds), rate) for each in chosen]
    for (name, against, _), each in zip(chosen, seconds):
        print(f"  {name} against {against}: {each / 60:.0f} minutes")
    print(f"  together: {sum(seconds) / 60:.0f} minutes", flush=True)


if __name__ == "__main__":
    main()
