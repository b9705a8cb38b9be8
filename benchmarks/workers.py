"""What several workers gain for one video: simulated for 1 to 64 workers, and measured for two processes.

    python benchmarks/workers.py simulate [--frames 64] [--frame-seconds 4] [--gigabits 10]
    python benchmarks/workers.py measure [--frames 33] [--steps 40]

``simulate`` hands the steps of a run out with the code that real runs use; only the workers are stand-ins, which
compute nothing and sleep as long as they are told, by a clock of their own. ``measure`` makes a video with the model
that ships, by one process of one thread and by two of one thread each, which wants two quiet cores, and compares them.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import paddle

from ppt2v.pipelines.denoising.anchored import AnchoredRun
from ppt2v.pipelines.denoising.noise import Noise
from ppt2v.pipelines.denoising.spread import Walked
from ppt2v.pipelines.planning.chunks import chunk_size_for, followers
from ppt2v.workers.pool import Answer, Call, Pool

WORKERS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
# Stable Diffusion 1.5, whose networks see latents of 64x64 cells where the frames have 512x512 pixels.
CHANNELS, LAYERS, CELLS = (320, 640, 1280, 1280), 2, 64
ATTENDING = (True, True, True, False)  # levels with attention, from the outermost on


def anchor_bytes(branches: int, channels=CHANNELS, layers=LAYERS, cells=CELLS, attending=ATTENDING) -> int:
    """Of the anchor's keys and values at a step, in float32: in each layer two numbers for each cell and channel."""
    numbers = 0
    for level, (width, attends) in enumerate(zip(channels, attending)):
        side = cells // 2**level
        numbers += attends * (2 * layers + 1) * side**2 * width
    numbers += (cells // 2 ** (len(channels) - 1)) ** 2 * channels[-1]  # the middle
    return 2 * 4 * branches * numbers


class Clock:
    """The seconds of a simulation."""

    now = 0.0


class Sleeper:
    """A worker that takes its time.

    Args:
        clock: of the simulation.
        frame_seconds: for one step of one frame.
        parcel_seconds: until keys and values that it has not yet have arrived.
    """

    name = "sleeper"

    def __init__(self, clock: Clock, frame_seconds: float, parcel_seconds: float):
        self._clock, self._frame_seconds, self._parcel_seconds = clock, frame_seconds, parcel_seconds
        self._has: Any = None
        self.awake = 0.0

    def begin(self, call: Call) -> None:
        [leg], (_, *left_behind) = call.arguments, call.parcels
        seconds = self._frame_seconds * len(leg.frame_ids) * len(leg.steps)
        if left_behind and left_behind[0] is not self._has:
            self._has = left_behind[0]
            seconds += self._parcel_seconds
        self.awake = self._clock.now + seconds
        parcel = None if left_behind else object()
        self._has = parcel or self._has
        self._answer = Answer(Walked([leg.frames] * len(leg.steps), True), parcel)

    def answer(self) -> Answer:
        return self._answer

    def end(self) -> None:
        """Nothing is left."""


class Bed:
    """Where the sleepers are; the clock goes on to the next one that awakes."""

    def __init__(self, clock: Clock, frame_seconds: float, parcel_seconds: float):
        self._clock, self._times = clock, (frame_seconds, parcel_seconds)

    def start(self) -> Sleeper:
        return Sleeper(self._clock, *self._times)

    def ready(self, workers: Sequence[Sleeper]) -> Sleeper:
        first = min(workers, key=lambda worker: worker.awake)
        self._clock.now = first.awake
        return first

    def share(self, value: Any) -> Any:
        return value

    def close(self) -> None:
        """Nothing is left."""


def simulated(
    workers: int, frames: int, steps: int, chunk_size: int, times: tuple[float, float]
) -> tuple[float, float]:
    """Seconds of a run on the simulation's clock, and those that handing out really took."""
    schedule = SimpleNamespace(whole=lambda step: True)
    unet = SimpleNamespace(schedule=schedule, half=False, restore=lambda: None)
    solver = SimpleNamespace(timesteps=list(range(steps)), start=lambda noise: noise)
    denoiser: Any = SimpleNamespace(unet=unet, solver=solver, given=None)
    chunks = followers(frames, chunk_size_for(frames, chunk_size, workers))
    clock, began = Clock(), time.perf_counter()
    with Pool(Bed(clock, *times), workers) as pool:
        run = AnchoredRun(denoiser, Noise(0), chunks, [4, CELLS, CELLS], None, lambda done, total: None)
        run.share(pool, None)
        run()
    return clock.now, time.perf_counter() - began


def simulate(arguments: argparse.Namespace) -> None:
    kept, latents = anchor_bytes(branches=2), 2 * 2 * 4 * 4 * CELLS**2
    parcel_seconds = kept * 8 / (arguments.gigabits * 1e9) if arguments.gigabits else 0.0
    times = arguments.frame_seconds, parcel_seconds
    print(f"{arguments.frames} frames, {arguments.steps} steps, {arguments.frame_seconds:g} s for a frame and step")
    print(f"a step's keys and values of the anchor: {kept / 1e6:.0f} MB, {parcel_seconds:.2f} s to each other worker")
    print(f"latents of a frame and step, with what they are taken for, there and back: {latents / 1e3:.0f} kB")
    print("workers  chunk size  s per step  times as fast  efficiency  handing out, ms per step")
    alone = arguments.frames * arguments.steps * arguments.frame_seconds
    for workers in WORKERS:
        seconds, own = simulated(workers, arguments.frames, arguments.steps, arguments.chunk_size, times)
        size = chunk_size_for(arguments.frames, arguments.chunk_size, workers)
        per_step, gain = seconds / arguments.steps, alone / seconds
        shown = f"{workers:7}  {size:10}  {per_step:10.1f}  {gain:13.1f}  {gain / workers:10.0%}"
        print(f"{shown}  {1e3 * own / arguments.steps:24.1f}")


def measure(arguments: argparse.Namespace) -> None:
    environment, made = {**os.environ, "OMP_NUM_THREADS": "1"}, {}
    chunk_size = chunk_size_for(arguments.frames, arguments.chunk_size, 2)
    with tempfile.TemporaryDirectory() as folder:
        for workers in (1, 2):
            path = Path(folder) / f"{workers}.mp4"
            told = [workers, arguments.frames, arguments.steps, chunk_size, path]
            command = [sys.executable, __file__, "one", *map(str, told)]
            seconds = subprocess.run(command, check=True, env=environment, capture_output=True, text=True).stdout
            made[workers] = float(seconds.split()[-1]), path.read_bytes()
            print(f"{workers} process(es) of one thread: {made[workers][0]:.1f} s for the second half of the steps")
    (one, first), (two, second) = made[1], made[2]
    print(f"two are {one / two:.2f} times as fast; the files are {'the same' if first == second else 'DIFFERENT'}")


def one(arguments: argparse.Namespace) -> None:
    """Makes a video; prints the seconds of the second half of its steps, when all workers have loaded the model."""
    from ppt2v import Model

    times = []

    def watch(progress) -> None:
        if progress.stage.startswith("Denoising") and progress.done > (progress.total or 0) / 2:
            times.append(time.perf_counter())

    Model("cpu", show_progress=False, workers=arguments.workers).process_text2video(
        "a fox in the snow",
        seed=0,
        video_length=arguments.frames,
        num_inference_steps=arguments.steps,
        chunk_size=arguments.chunk_size,
        save_path=arguments.path,
        callback=watch,
    )
    print(times[-1] - times[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    simulating = commands.add_parser("simulate")
    simulating.add_argument("--frames", type=int, default=64)
    simulating.add_argument("--steps", type=int, default=50)
    simulating.add_argument("--chunk-size", type=int, default=8)
    simulating.add_argument(
        "--frame-seconds", type=float, default=4.0, help="4: about that of two EPYC cores at 512x512, in bfloat16"
    )
    simulating.add_argument(
        "--gigabits", type=float, default=10.0, help="of the network in a second; 0: no wait for it"
    )
    simulating.set_defaults(run=simulate)
    measuring = commands.add_parser("measure")
    measuring.add_argument("--frames", type=int, default=33)
    measuring.add_argument("--steps", type=int, default=40)
    measuring.add_argument("--chunk-size", type=int, default=17)
    measuring.set_defaults(run=measure)
    single = commands.add_parser("one")
    for name, kind in (("workers", int), ("frames", int), ("steps", int), ("chunk_size", int), ("path", str)):
        single.add_argument(name, type=kind)
    single.set_defaults(run=one)
    arguments = parser.parse_args()
    with paddle.no_grad():
        arguments.run(arguments)


if __name__ == "__main__":
    main()
