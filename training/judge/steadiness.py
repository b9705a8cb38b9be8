"""What ``--steady`` is worth: flicker, motion, sharpness and the judges' figures of twelve clips, with it and without.

    python -m training.judge.steadiness FOLDER              # prints a table; FOLDER keeps what was made, to go on with
    python -m training.judge.steadiness FOLDER --steps 20   # with fewer steps than the modes' own
    python -m training.judge.steadiness FOLDER --format mp4 # of files as people get them
    python -m training.judge.steadiness FOLDER --filmed CLIPS   # of the videos of a folder instead, without judges

The clips are those of ``pictures.moving_cases``. FOLDER also gets the videos and ``sheet.png``: for each clip a row of
what was given, of what the mode made of it, and of that held together.
"""

from __future__ import annotations

import argparse
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ppt2v import video
from ppt2v.controls.recognition import are_skeletons
from ppt2v.modes import MODES
from ppt2v.pipelines.denoising.noise import Noise
from ppt2v.pipelines.methods.steadiness import steadied
from ppt2v.pipelines.video_controlnet import Control
from ppt2v.quality.report import Report, measure
from training.judge.finders import Finders
from training.judge.guided import SCORES, Maker
from training.pictures import moving_cases
from training.pictures.moving_cases import FPS, MovingCase

MODES_JUDGED = ("pix2pix", "canny", "pose")
SHOWN = 4  # frames of each clip on the sheet


class Measured(NamedTuple):
    """The reports on a clip, on what was made of it, and on that held together."""

    source: Report
    plain: Report
    steady: Report


def make(maker: Maker, case: MovingCase) -> np.ndarray:
    """What a mode makes of a clip: uint8 RGB ``[F, 128, 128, 3]``."""
    mode, given = MODES[case.mode], np.stack([frame.given for frame in case.frames])
    pipeline, arguments = maker.ready(mode)
    own = {"controls": [Control(maker.controlnet(mode.control), given)]} if mode.control else {"frames": given}
    first = case.frames[0]
    latents = pipeline(noise=Noise(first.seed), **{**arguments, **own, "prompt": first.prompt})
    return np.stack(list(pipeline.decode(latents)))


def kept(maker: Maker, case: MovingCase, file: Path) -> np.ndarray:
    """The same, from a file if it was made before."""
    try:
        return np.load(file)["frames"]
    except (OSError, zipfile.BadZipFile):  # not there, or half of one
        frames = make(maker, case)
        np.savez_compressed(file, frames=frames)
        return frames


def held(case: MovingCase, made: np.ndarray, strength: float) -> np.ndarray:
    """What a mode has made, held together as a run does it: uint8 RGB ``[F, 128, 128, 3]``."""
    return np.stack(list(steadied(made, case.clip, strength, are_skeletons(list(case.clip)))))


def measured(case: MovingCase, plain: np.ndarray, steady: np.ndarray, folder: Path, ending: str = "png") -> Measured:
    """Writes the three videos, as png without a codec's own changes, and reports on them."""
    files = []
    for kind, frames in (("source", case.clip), ("plain", plain), ("steady", steady)):
        file = folder / f"{case.name}-{kind}.{ending}"
        if file.is_dir():
            shutil.rmtree(file)
        files.append(video.write(frames, file, FPS, {}))
    return Measured(*(measure(file, files[0]) for file in files))


def rows(mode: str, clips: list[Measured]) -> Iterator[str]:
    """Lines of the table about a mode, from the reports on its clips."""

    def mean(values: Iterable[float]) -> float:
        return float(np.mean(list(values)))

    warp = [mean(getattr(each, kind).warp_error for each in clips) for kind in ("plain", "steady")]
    yield f"| {mode} | warp error | {warp[0]:.4f} | {warp[1]:.4f} | {warp[1] / warp[0]:.2f} of it: at most 0.5 |"
    motion = [mean(getattr(each, kind).motion / each.source.motion for each in clips) for kind in ("plain", "steady")]
    yield f"| {mode} | motion, of the clip's | {motion[0]:.2f} | {motion[1]:.2f} | 0.9 to 1.1 |"
    sharp = [mean(getattr(each, kind).sharpness for each in clips) for kind in ("plain", "steady")]
    yield f"| {mode} | sharpness | {sharp[0]:.0f} | {sharp[1]:.0f} | {sharp[1] / sharp[0]:.2f} of it: at least 0.9 |"
    if mode != "pose":  # whose clips are skeletons
        edges = [mean(getattr(each, kind).edge_f1 for each in clips) for kind in ("plain", "steady")]
        yield f"| {mode} | edges like the clip's, F1 | {edges[0]:.3f} | {edges[1]:.3f} | not lower |"


def judged(mode: str, cases: list[MovingCase], plain: list, steady: list, finders: Finders) -> Iterator[str]:
    """Lines of the table with the figures of the judges, over all frames."""
    frames = [frame for case in cases for frame in case.frames]
    before, after = (SCORES[mode](frames, np.concatenate(pictures), finders) for pictures in (plain, steady))
    for name, value in before.items():
        if not name.startswith(" ") and not np.isnan(value):
            yield f"| {mode} | {name} | {value:.3f} | {after[name]:.3f} | |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, help="of the modes' schedules; their own if not given")
    parser.add_argument("--strength", type=float, default=1.0, help="of --steady")
    parser.add_argument("--only", nargs="+", metavar="CLIP", help="clips by name; all if not given")
    parser.add_argument("--format", default="png", choices=("png", "mp4"), help="of the files that are measured")
    parser.add_argument("--filmed", type=Path, metavar="CLIPS", help="a folder of videos, to be used instead")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    maker = Maker(**({"num_inference_steps": args.steps} if args.steps else {}))
    clips, sheet = moving_cases.filmed(args.filmed) if args.filmed else moving_cases.load(), []
    finders = None if args.filmed else Finders()
    print("| mode | figure | without | with --steady | target |\n|---|---|---|---|---|")
    for mode in MODES_JUDGED:
        cases = [case for case in clips if case.mode == mode and (not args.only or case.name in args.only)]
        plain = [kept(maker, case, args.folder / f"{case.name}-{args.steps or 'own'}.npz") for case in cases]
        steady = [held(case, made, args.strength) for case, made in zip(cases, plain)]
        sheet += [clip[::3][:SHOWN] for case, *made in zip(cases, plain, steady) for clip in (case.clip, *made)]
        if cases:
            reports = [measured(case, *made, args.folder, args.format) for case, *made in zip(cases, plain, steady)]
            print("\n".join(rows(mode, reports)), flush=True)
            if finders:
                print("\n".join(judged(mode, cases, plain, steady, finders)), flush=True)
    video.contact_sheet(np.concatenate(sheet), args.folder / "sheet.png", columns=3 * SHOWN)


if __name__ == "__main__":
    main()
