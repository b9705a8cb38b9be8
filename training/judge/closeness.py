"""Measures how near videos of another precision are to those of float32: the same prompts, clips and seeds, as PSNR.

python -m training.judge.closeness --dtype int8              # prints a line for each video and for each mode
python -m training.judge.closeness --dtype int8 --sheets FOLDER   # and draws both side by side
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

import ppt2v  # noqa: F401  # isort: split  # before Paddle, so that it uses all cores
from ppt2v import MODES, Model, video
from ppt2v.environment.devices import DTYPES
from ppt2v.environment.shipped import sample_clips
from training.judge.sheet import PROMPTS


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    """Of uint8 frames, in decibels; infinite where they are the same."""
    error = np.square(one.astype(np.float64) - other).mean()
    return float(10 * np.log10(255**2 / error)) if error else float("inf")


def cases(mode: str) -> list[tuple[str | None, str]]:
    """Clips (None: without) and prompts of a mode; none where no model for it ships."""
    return [(None, prompt) for prompt in PROMPTS] if mode == "text2video" else list(MODES[mode].samples)


def made(model: Model, mode: str, clip: str | None, prompt: str, seed: int) -> np.ndarray:
    """The frames of a video as the model makes them, uint8 RGB ``[frames, height, width, 3]``."""
    given = {"video_path": sample_clips() / clip} if clip else {}
    with tempfile.TemporaryDirectory() as folder:
        path = model.run(mode, **given, prompt=prompt, seed=seed, save_path=f"{folder}/video", save_format="png")
        return video.read(path, multiple=1).frames[:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dtype", required=True, choices=DTYPES)
    modes = [mode for mode in MODES if cases(mode)]
    parser.add_argument("--modes", nargs="+", default=modes, choices=modes)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--sheets", type=Path, help="folder for pictures: float32 above, the other below")
    args = parser.parse_args()
    exact, near = (Model("cpu", dtype, show_progress=False) for dtype in ("float32", args.dtype))
    if args.sheets:
        args.sheets.mkdir(parents=True, exist_ok=True)
    for mode in args.modes:
        found, frames = [], []
        for seed in range(args.seeds):
            for clip, prompt in cases(mode):
                pair = [made(model, mode, clip, prompt, seed) for model in (exact, near)]
                found.append(psnr(*pair))
                frames += [frame for each in pair for frame in each[:: max(1, len(each) // 8)][:8]]
                print(f"  {mode:<11} {prompt!r}, seed {seed}: {found[-1]:.1f} dB", flush=True)
        print(
            f"{mode:<11} {len(found)} videos: median {np.median(found):.1f} dB, least {min(found):.1f} dB", flush=True
        )
        if args.sheets:
            video.contact_sheet(frames, args.sheets / f"{mode}.png", columns=8)


if __name__ == "__main__":
    main()
