"""Measures the embedded models of the guided modes on held-out cases (``pictures.cases``).

    python -m training.judge.guided              # prints a table

Judged are single pictures: edges and depth by the judge of text to video, edits by that judge and by comparison with
every edit that could have been meant, poses and the mascot by the networks of ``judge.finders``.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from importlib import import_module
from typing import Any, Callable

import cv2
import numpy as np
from skimage.metrics import structural_similarity

import ppt2v  # noqa: F401  # isort: split  # before Paddle, so that it uses all cores
from ppt2v.engine.choice import choose
from ppt2v.models.families import stable_diffusion
from ppt2v.models.loading import weights
from ppt2v.models.sources import catalogue, locate
from ppt2v.modes import MODES, Mode
from ppt2v.parameters import resolve
from ppt2v.pipelines.denoising.noise import Noise
from ppt2v.pipelines.video_controlnet import Control
from ppt2v.progress import bars, counted
from training.judge import pictures as judge
from training.judge.engines import engine_for
from training.judge.finders import Finders
from training.pictures import cases, edits
from training.pictures.cases import Case
from training.pictures.scenes import levels

Generate = Callable[[list[Case]], np.ndarray]
"""From cases of one mode to pictures, uint8 RGB ``[count, 128, 128, 3]``."""

ROWS = {"dreambooth": "text2video"}  # the row of MODES for cases that are named otherwise
TOLERANCE = 2  # pixels between edges that count as the same
APART = 3  # pixels around the subject that count as part of it


def edge_f1(picture: np.ndarray, edges: np.ndarray) -> float:
    """Agreement of the picture's Canny edges (100, 200) with a map's, both uint8, 0..1."""
    found, wanted = cv2.Canny(picture, 100, 200) > 0, edges[..., 0] > 127
    near = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * TOLERANCE + 1,) * 2)
    grown = [cv2.dilate(each.astype(np.uint8), near) > 0 for each in (found, wanted)]
    precision = (found & grown[1]).sum() / max(found.sum(), 1)
    recall = (wanted & grown[0]).sum() / max(wanted.sum(), 1)
    return 2 * precision * recall / max(precision + recall, 1e-9)


def ssim_outside(before: np.ndarray, after: np.ndarray, mask: np.ndarray) -> float:
    """Mean structural similarity of two uint8 pictures where the mask, somewhat grown, is not."""
    _, similar = structural_similarity(before, after, channel_axis=-1, data_range=255, full=True)
    grown = cv2.dilate(mask.astype(np.uint8), np.ones((2 * APART + 1,) * 2, np.uint8)) > 0
    return float(similar.mean(axis=-1)[~grown].mean())


def closest(picture: np.ndarray, candidates: dict[str, np.ndarray], mask: np.ndarray | None = None) -> str:
    """The name of the candidate with the least squared difference, within the mask if there is one."""
    where = np.ones(picture.shape[:2], bool) if mask is None else mask
    errors = {name: np.square(picture[where].astype(float) - other[where]).mean() for name, other in candidates.items()}
    return min(errors, key=errors.get)


def edit_done(case: Case, picture: np.ndarray, subject: str, place: str) -> bool:
    """Whether the picture is what the instruction asks for, given the judge's verdict on it."""
    kind, target = case.truth["kind"], case.truth["target"]
    if kind in ("subject", "place"):
        return {"subject": subject, "place": place}[kind] == target
    before = case.given.astype(np.float32) / 255
    if kind == "colour":
        alpha = case.mask.astype(np.float32)
        others = {name: levels(edits.coloured(before, alpha, name)) for name in edits.COLOURS}
        others = {name: made for name, made in others.items() if name == target or not _same(made, case)}
        return closest(picture, {"before": case.given, **others}, case.mask) == target
    others = {name: levels(paint(before)) for name, paint in edits.PAINTERS.items()}
    return closest(picture, {"before": case.given, **others}) == target


def _same(made: np.ndarray, case: Case) -> bool:
    return bool(np.abs(made[case.mask].astype(float) - case.given[case.mask]).mean() < 1)


def score_control(chosen: list[Case], pictures: np.ndarray, finders: Finders) -> dict[str, float]:
    subjects, places, _ = judge.verdict(judge.load(), pictures)
    figures = {
        "right subject": np.mean([s == c.truth["subject"] for s, c in zip(subjects, chosen)]),
        "right place": np.mean([p == c.truth["place"] for p, c in zip(places, chosen)]),
    }
    if chosen[0].mode == "canny":
        figures["edge F1"] = np.mean([edge_f1(p, c.given) for p, c in zip(pictures, chosen)])
    return figures


def score_pose(chosen: list[Case], pictures: np.ndarray, finders: Finders) -> dict[str, float]:
    joints, subjects = finders.dancers(pictures)
    off = np.linalg.norm(joints - np.array([c.truth["joints"] for c in chosen]), axis=-1) / pictures.shape[1]
    return {
        "joint error, mean": off.mean(),
        "joint error, median": np.median(off),
        "error of wrists and ankles": off[:, [4, 7, 10, 13]].mean(),
        "right subject": np.mean([s == c.truth["subject"] for s, c in zip(subjects, chosen)]),
    }


def score_pix2pix(chosen: list[Case], pictures: np.ndarray, finders: Finders) -> dict[str, float]:
    subjects, places, _ = judge.verdict(judge.load(), pictures)
    done = np.array([edit_done(*row) for row in zip(chosen, pictures, subjects, places)])
    kinds = np.array([c.truth["kind"] for c in chosen])
    figures = {"done as told": done.mean(), **{f"  {kind}": done[kinds == kind].mean() for kind in edits.KINDS}}
    kept = [
        ssim_outside(c.given, p, c.mask) for c, p in zip(chosen, pictures) if c.truth["kind"] in ("subject", "colour")
    ]
    moved = [s == c.truth["subject"] for s, c in zip(subjects, chosen) if c.truth["kind"] == "place"]
    return {**figures, "SSIM outside the subject": np.mean(kept), "subject kept in another place": np.mean(moved)}


def score_dreambooth(chosen: list[Case], pictures: np.ndarray, finders: Finders) -> dict[str, float]:
    return {"character recognised": finders.mascots(pictures).mean()}


SCORES = {
    "canny": score_control,
    "depth": score_control,
    "pose": score_pose,
    "pix2pix": score_pix2pix,
    "dreambooth": score_dreambooth,
}


class Maker:
    """Makes pictures with the embedded models through the package's own pipelines.

    ``dtype`` is the precision, the fastest if not given; ``changed`` are arguments of the pipelines that take the place
    of the models' own settings.
    """

    def __init__(self, dtype: str | None = None, **changed) -> None:
        self.changed = changed
        self.choice = choose("auto", "cpu", dtype)

    def __call__(self, chosen: list[Case]) -> np.ndarray:
        mode = MODES[ROWS.get(chosen[0].mode, chosen[0].mode)]
        pipeline, arguments = self.ready(mode, "dreambooth" if chosen[0].mode == "dreambooth" else None)
        network = self.controlnet(mode.control) if mode.control else None
        with bars(True) as watch:
            return np.stack(
                [
                    self._picture(pipeline, network, {**arguments, "prompt": case.prompt}, case)
                    for case in counted(chosen, len(chosen), chosen[0].mode, watch)
                ]
            )

    def ready(self, mode: Mode, embedded: str | None = None) -> tuple[Any, dict[str, Any]]:
        """The pipeline of a mode with an embedded model, the mode's own if none is named, and its arguments."""
        name = next(each.default for each in mode.parameters if each.name == "model_name")
        model = f"{catalogue.EMBEDDED}/{embedded}" if embedded else name
        folder = locate.locate(model)
        values = resolve(mode.parameters, {}, stable_diffusion.model_defaults(folder).get(mode.name, {}))
        arguments = {each.argument: values[each.name] for each in mode.parameters if each.argument}
        module, kind = mode.pipeline.split(":")
        loaded = stable_diffusion.load_stable_diffusion(folder, self.choice.network, lazy=True)
        pipeline = getattr(import_module(f"ppt2v.pipelines.{module}"), kind)(
            **loaded.components, requires_safety_checker=False
        )
        pipeline.engine = engine_for(self.choice, mode.name, model)
        return pipeline, {**arguments, **self.changed}

    def controlnet(self, control: str):
        from ppdiffusers import ControlNetModel

        return weights.load_component(
            locate.locate(f"{catalogue.EMBEDDED}/{control}"), ControlNetModel, self.choice.network
        )

    @staticmethod
    def _picture(pipeline, network, arguments: dict, case: Case) -> np.ndarray:
        if network is not None:
            own = {"controls": [Control(network, case.given[None])]}
        elif case.given is not None:
            own = {"frames": case.given[None]}
        else:
            own = {"video_length": 1, "use_motion_field": False}
        [picture] = pipeline.decode(pipeline(noise=Noise(case.seed), **{**arguments, **own}))
        return picture


def table(generate: Generate, modes: list[str], seeds: int = 1) -> str:
    """One line for each figure; each case is made from ``seeds`` noises."""
    finders = Finders() if {"pose", "dreambooth"} & set(modes) else None
    known, lines = cases.load(), []
    for mode in modes:
        own = [case for case in known if case.mode == mode]
        chosen = [replace(case, seed=case.seed + number * len(own)) for number in range(seeds) for case in own]
        for name, value in SCORES[mode](chosen, generate(chosen), finders).items():
            shown = f"{value:.3f}" if "F1" in name or "SSIM" in name else f"{value:.1%}"
            lines.append(f"{mode:<11} {len(chosen)} cases  {name:<30} {shown}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--modes", nargs="+", default=list(SCORES), choices=SCORES)
    parser.add_argument("--dtype", help="float32, bfloat16, int8 ...; what is fastest if not given")
    parser.add_argument("--seeds", type=int, default=1, help="from how many noises each case is made")
    args = parser.parse_args()
    print(table(Maker(args.dtype), args.modes, args.seeds))


if __name__ == "__main__":
    main()
