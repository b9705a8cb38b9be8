"""Compares ppt2v with PyTorch diffusers: the same weights, noise, threads and steps, one after the other in turn.

    make bench TORCH_PYTHON=/path/to/a/venv/with/torch/and/diffusers/bin/python

Prints the median ratio of time and of peak memory, and how far the latents are apart.
"""
from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent


def measure(python: str, worker: str, arguments: list[str]) -> dict[str, float]:
    """Runs one worker in a process of its own; its last line of output is its report."""
    command = [python, str(HERE / worker), *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch-python", default="", help="python of a venv with torch and diffusers")
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    if not Path(args.torch_python).is_file():
        sys.exit("give --torch-python (make bench TORCH_PYTHON=...): a python with torch and diffusers to compare with")
    with tempfile.TemporaryDirectory() as folder:
        given = [args.model, folder, str(args.frames), str(args.steps)]
        rounds = [
            (measure(sys.executable, "worker_ppt2v.py", given),
             measure(args.torch_python, "worker_diffusers.py", given))
            for _ in range(args.rounds)
        ]
    for ours, theirs in rounds:
        print(f"ppt2v {ours['seconds']:.1f} s, {ours['peak_mb']:.0f} MB; "
              f"diffusers {theirs['seconds']:.1f} s, {theirs['peak_mb']:.0f} MB")
    for name, words in (("seconds", "time"), ("peak_mb", "peak memory")):
        ratios = [ours[name] / theirs[name] for ours, theirs in rounds]
        print(f"{words}: ppt2v / diffusers = {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
    difference = max(theirs["difference"] for _, theirs in rounds)
    print(f"latents: largest difference {difference:.1e} of their standard deviation")


if __name__ == "__main__":
    main()
