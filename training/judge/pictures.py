"""Measures the embedded model: is the right subject in the right place, and does it stay and move as asked?

    python -m training.judge.pictures            # prints the figures

``train.judge`` made the judge, from compositions that the generator never saw.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path
from typing import NamedTuple

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import nn

from ppt2v.engine.choice import ENGINES, choose
from ppt2v.models.families import stable_diffusion
from ppt2v.models.formats.fitting import put
from ppt2v.models.formats.reading import read
from ppt2v.models.sources import catalogue, locate
from ppt2v.modes import MODES
from ppt2v.parameters import resolve
from ppt2v.pipelines.denoising.noise import Noise
from ppt2v.pipelines.planning import sizes
from ppt2v.pipelines.text_to_video_zero import TextToVideoZeroPipeline
from ppt2v.progress import bars, counted
from training.judge.engines import engine_for
from training.pictures.sprites import PLACES, SIZE, SUBJECTS, caption

WEIGHTS = Path(__file__).with_name("judge.safetensors")
SUBJECT_NAMES, PLACE_NAMES = list(SUBJECTS), list(PLACES)


class Judge(nn.Layer):
    """Names the subject and the place of a picture, and finds the subject's centre."""

    def __init__(self):
        super().__init__()
        widths = (3, 32, 64, 128, 192)
        self.blocks = nn.LayerList([self._block(a, b) for a, b in itertools.pairwise(widths)])
        self.subject = nn.Linear(widths[-1] * 16, len(SUBJECT_NAMES))
        self.place = nn.Linear(widths[-1] * 16, len(PLACE_NAMES))
        self.centre = nn.Linear(widths[-1] * 16, 2)

    @staticmethod
    def _block(channels: int, width: int) -> nn.Layer:
        return nn.Sequential(
            nn.Conv2D(channels, width, 3, padding=1), nn.GroupNorm(8, width), nn.ReLU(), nn.MaxPool2D(2)
        )

    def forward(self, pictures):
        """``[count, 3, 128, 128]`` in 0..1 -> subject scores, place scores, centre (x, y) in pixels."""
        x = F.avg_pool2d(pictures, 2) * 2 - 1
        for block in self.blocks:
            x = block(x)
        x = x.flatten(1)
        return self.subject(x), self.place(x), (self.centre(x) + 0.5) * SIZE


def load() -> Judge:
    """The trained judge."""
    judge = Judge()
    put(judge, read(WEIGHTS), str(WEIGHTS))
    judge.eval()
    return judge


class Maker:
    """Makes frames with the embedded model through the package's own loader, engine and pipeline."""

    def __init__(self, model: str = catalogue.EMBEDDED, engine: str = "auto", dtype: str | None = None):
        folder, choice = locate.locate(model), choose(engine, "cpu", dtype)
        components = stable_diffusion.load_stable_diffusion(folder, choice.network, lazy=True).components
        self.pipeline = TextToVideoZeroPipeline(**components, requires_safety_checker=False)
        self.pipeline.engine = engine_for(choice, "text2video", model)
        mode = MODES["text2video"]
        values = resolve(mode.parameters, {}, stable_diffusion.model_defaults(folder).get(mode.name, {}))
        self.arguments = {p.argument: values[p.name] for p in mode.parameters if p.argument}
        height, width = sizes.frame_size(None, None, *stable_diffusion.frame_configs(folder))
        self.arguments |= {"height": height, "width": width}

    def frames(self, prompt: str, seed: int, video_length: int, **changed) -> np.ndarray:
        """uint8 RGB ``[video_length, 128, 128, 3]``."""
        arguments = {**self.arguments, "prompt": prompt, "video_length": video_length, **changed}
        return np.stack(list(self.pipeline.decode(self.pipeline(noise=Noise(seed), **arguments))))


@paddle.no_grad()
def verdict(judge: Judge, frames: np.ndarray) -> tuple[list[str], list[str], np.ndarray]:
    """Subject, place and centre of every frame."""
    subject, place, centre = judge(paddle.to_tensor(frames.astype(np.float32) / 255).transpose([0, 3, 1, 2]))
    names = [SUBJECT_NAMES[i] for i in subject.argmax(1).tolist()], [PLACE_NAMES[i] for i in place.argmax(1).tolist()]
    return (*names, centre.numpy())


class Pictures(NamedTuple):
    """Shares of the pictures that show what was asked for, 0..1."""

    subject: float
    place: float

    def __str__(self) -> str:
        return f"right subject {self.subject:.1%}, right place {self.place:.1%}"


class Clips(NamedTuple):
    """Of clips of 8 frames: shares, 0..1, and medians."""

    same: float  # share whose subject stays the same throughout
    moved: float  # share that moves the way of the motion field by more than half of its length
    along: float  # median way along the motion field, in its length
    change: float  # median of the mean absolute difference of neighbouring frames, in levels of 255

    def __str__(self) -> str:
        return (
            f"same subject throughout in {self.same:.1%}; moved the way of the motion field by more than half of "
            f"its length in {self.moved:.1%} (median {self.along:.2f} of its length); neighbouring frames differ "
            f"by {self.change:.1f} levels"
        )


def score_pictures(judge: Judge, maker: Maker, prompts: list, seeds: int, **changed) -> tuple[Pictures, list[str]]:
    """How often the first frame shows what was asked for, and a line on each that does not."""
    tasks = [(task, seed) for task in prompts for seed in range(seeds)]
    right, wrong = [], []
    with bars(True) as watch:
        for (subject, place, prompt), seed in counted(tasks, len(tasks), "Pictures", watch):
            [seen_subject], [seen_place], _ = verdict(judge, maker.frames(prompt, seed, 1, **changed))
            right.append((seen_subject == subject, seen_place == place))
            if not all(right[-1]):
                wrong.append(f"{prompt!r}, seed {seed}: seen as {seen_subject} / {seen_place}")
    return Pictures(*np.mean(right, axis=0)), wrong


def score_clips(judge: Judge, maker: Maker, prompts: list, **changed) -> Clips:
    """How often the subject stays the same over 8 frames, and how far it moves along the motion field."""
    same, along, change = [], [], []
    directions = [(12, 0), (-12, 0), (0, 12), (0, -12)]
    with bars(True) as watch:
        for number, (_, _, prompt) in counted(list(enumerate(prompts)), len(prompts), "Clips", watch):
            x, y = directions[number % len(directions)]
            motion = {"motion_field_strength_x": x, "motion_field_strength_y": y}
            frames = maker.frames(prompt, number, 8, **motion, **changed)
            subjects, _, centres = verdict(judge, frames)
            same.append(len(set(subjects)) == 1)
            asked = -7 * np.array([x, y]) * SIZE / 512
            along.append(float((centres[-1] - centres[0]) @ asked / (asked @ asked)))
            change.append(np.abs(np.diff(frames.astype(float), axis=0)).mean())
    return Clips(np.mean(same), np.mean(np.array(along) > 0.5), np.median(along), np.median(change))


def prompts(count: int) -> list[tuple[str, str, str]]:
    """``(subject, place, prompt)``: every subject about equally often, places at random."""
    rng = np.random.default_rng(2026)
    subjects = [SUBJECT_NAMES[i % len(SUBJECT_NAMES)] for i in range(count)]
    places = [str(rng.choice(PLACE_NAMES)) for _ in subjects]
    return [(s, p, caption(rng, s, p)) for s, p in zip(subjects, places)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default=catalogue.EMBEDDED)
    parser.add_argument("--prompts", type=int, default=100, help="0 leaves the pictures out")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--clips", type=int, default=40, help="0 leaves the clips out")
    parser.add_argument("--engine", default="auto", choices=ENGINES)
    parser.add_argument("--dtype", help="float32, bfloat16, int8 ...; what is fastest if not given")
    args = parser.parse_args()
    judge = load()
    maker = Maker(args.model, args.engine, args.dtype)
    if args.prompts:
        pictures, wrong = score_pictures(judge, maker, prompts(args.prompts), args.seeds)
        print("\n".join(f"  {line}" for line in wrong))
        print(f"{args.prompts} prompts, {args.seeds} seeds each: {pictures}")
    if args.clips:
        print(f"{args.clips} clips of 8 frames: {score_clips(judge, maker, prompts(args.clips))}")


if __name__ == "__main__":
    main()
