"""What speed costs: time and the judge's scores of solvers, numbers of steps and shortcuts on the embedded model.

    python -m training.judge.tradeoff                 # prints a table and a preset, writes tradeoff.png
    python -m training.judge.tradeoff --prompts 40 --clips 12     # a smaller sample, which decides less

The reference is DDIM with 50 steps; a setting is called good whose scores are all within 2 % of its. The cheapest good
one is printed as it stands in the model's ppt2v.json, for ``--fast``.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import NamedTuple

from training.judge import pictures as judge
from training.judge.pictures import Clips, Pictures

REFERENCE = "ddim 50"
SETTINGS = {
    f"{solver} {steps}": {"solver": solver, "num_inference_steps": steps}
    for solver, steps in (
        ("ddim", 50),
        ("ddim", 20),
        ("ddim", 10),
        *(("dpmsolver++", steps) for steps in (20, 15, 12, 10, 8, 6, 4)),
    )
}
SETTINGS |= {
    f"{base}, {name}": {**SETTINGS[base], **changed}
    for base, name, changed in (
        ("ddim 20", "guided in the first 60 %", {"guidance_stop_step": 0.6}),
        ("ddim 20", "half of the tokens merged", {"merging_ratio": 0.5}),
        ("ddim 20", "whole UNet every 3 steps", {"cache_interval": 3}),
        ("ddim 20", "guidance rescaled by 0.7", {"guidance_rescale": 0.7}),
        ("ddim 20", "FreeU", {"freeu_b1": 1.5, "freeu_b2": 1.6, "freeu_s1": 0.9, "freeu_s2": 0.2}),
        ("ddim 20", "FreeU, mild", {"freeu_b1": 1.2, "freeu_b2": 1.2, "freeu_s1": 0.9, "freeu_s2": 0.7}),
        ("ddim 20", "perturbed attention, 3", {"pag_scale": 3.0}),
        ("dpmsolver++ 10", "guided in the first 60 %", {"guidance_stop_step": 0.6}),
        ("dpmsolver++ 10", "half of the tokens merged", {"merging_ratio": 0.5}),
        ("dpmsolver++ 10", "whole UNet every 2 steps", {"cache_interval": 2}),
        ("dpmsolver++ 6", "guided in the first 60 %", {"guidance_stop_step": 0.6}),
    )
}
TOLERANCE = 0.02


class Result(NamedTuple):
    """One setting: its name, seconds for all its clips, and its scores."""

    name: str
    seconds: float
    pictures: Pictures
    clips: Clips

    def good(self, reference: Result) -> bool:
        """Whether no score is lower than the reference's by more than the tolerance."""
        pairs = zip(
            (*self.pictures, self.clips.same, self.clips.moved),
            (*reference.pictures, reference.clips.same, reference.clips.moved),
        )
        return all(ours >= theirs - TOLERANCE for ours, theirs in pairs)


def measure(maker: judge.Maker, name: str, prompts: int, seeds: int, clips: int) -> Result:
    """Scores one setting; only the clips are timed."""
    critic, changed = judge.load(), SETTINGS[name]
    pictures, _ = judge.score_pictures(critic, maker, judge.prompts(prompts), seeds, **changed)
    start = time.perf_counter()
    scores = judge.score_clips(critic, maker, judge.prompts(clips), **changed)
    return Result(name, time.perf_counter() - start, pictures, scores)


def row(result: Result, reference: Result) -> str:
    """A line of the Markdown table."""
    shares = (*result.pictures, result.clips.same, result.clips.moved)
    cells = [
        result.name,
        f"{result.seconds / reference.seconds:.2f}",
        *(f"{share:.1%}" for share in shares),
        f"{result.clips.along:.2f}",
        f"{result.clips.change:.1f}",
        "yes" if result.good(reference) else "no",
    ]
    return f"| {' | '.join(cells)} |"


def preset(results: list[Result]) -> str:
    """The cheapest of the good settings, the first being the reference, as JSON for ppt2v.json."""
    cheapest = min((result for result in results if result.good(results[0])), key=lambda result: result.seconds)
    return json.dumps({"fast": {"text2video": SETTINGS[cheapest.name]}})


def plot(results: list[Result], file: str) -> None:
    """The scores of each setting, the fastest first."""
    from matplotlib import pyplot

    ordered = sorted(results, key=lambda result: result.seconds)
    names = [f"{result.name}   {result.seconds / results[0].seconds:.2f}" for result in ordered]
    figure, axes = pyplot.subplots(figsize=(8, 0.3 * len(names) + 1.5), layout="constrained")
    scores = {
        "right subject": [result.pictures.subject for result in ordered],
        "right place": [result.pictures.place for result in ordered],
        "same subject in all frames": [result.clips.same for result in ordered],
        "moved as asked": [result.clips.moved for result in ordered],
    }
    for number, (score, shares) in enumerate(scores.items()):
        places = [row + (number - 1.5) / 6 for row in range(len(names))]  # beside one another where they are equal
        axes.scatter([100 * share for share in shares], places, label=score, s=16)
    axes.set(xlabel="%", yticks=range(len(names)), yticklabels=names)
    figure.suptitle("setting, time (DDIM with 50 steps = 1), and the judge's scores", size="medium")
    axes.grid(axis="y", alpha=0.3)
    axes.invert_yaxis()
    figure.legend(loc="outside lower center", ncols=len(scores), fontsize="small")
    figure.savefig(file, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prompts", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--clips", type=int, default=40)
    parser.add_argument(
        "--only",
        nargs="*",
        default=list(SETTINGS),
        choices=SETTINGS,
        metavar="SETTING",
        help="these beside the reference: " + "; ".join(SETTINGS),
    )
    parser.add_argument("--plot", default="tradeoff.png", help="where the plot goes")
    args = parser.parse_args()
    maker = judge.Maker()
    maker.frames("a fox", 0, 8, num_inference_steps=2)  # exports and compiles, which is not what is timed
    print("| setting | time | right subject | right place | same subject | moved | way | change | good |")
    print("|---|---|---|---|---|---|---|---|---|")
    results: list[Result] = []
    for name in dict.fromkeys((REFERENCE, *args.only)):
        results.append(measure(maker, name, args.prompts, args.seeds, args.clips))
        print(row(results[-1], results[0]), flush=True)
    print(f"The cheapest good one: {preset(results)}")
    plot(results, args.plot)


if __name__ == "__main__":
    main()
