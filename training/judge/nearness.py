"""Measures the embedded depth network on held-out compositions and rendered scenes, beside guesses without a network.

    python -m training.judge.nearness SPRITES              # prints a table

Order: of pairs of pixels whose inverse depths differ by a twentieth of the picture's range or more, the share whose
order is found; 0.5 is chance. Error: mean absolute error of the inverse depth, 0..1, after the scale and the shift that
fit it best (arXiv 1907.01341, section 5, with least squares).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np

import ppt2v  # noqa: F401  # isort: split  # before Paddle, so that it uses all cores
from ppt2v.detectors.mobile_unet import SmallDepthNetwork
from ppt2v.progress import bars, counted
from training.pictures.depths import Examples
from training.pictures.scenes import levels

PAIRS = 5000  # of pixels of a picture
APART = 0.05  # of the range, from which the order of two pixels counts

Estimate = Callable[[np.ndarray], np.ndarray]
"""From a picture uint8 RGB ``[H, W, 3]`` to its inverse depth ``[H, W]``, up to scale and shift."""


def order(found: np.ndarray, nearness: np.ndarray, rng: np.random.Generator) -> float:
    """Share of the pairs whose order is found, of two maps ``[H, W]``; what is found to be equal counts half."""
    one, other = rng.integers(nearness.size, size=(2, PAIRS))
    wanted, given = (each.ravel()[one] - each.ravel()[other] for each in (nearness, found))
    counted_pairs = np.abs(wanted) >= APART
    agreement = np.sign(wanted) * np.sign(given)
    return float((0.5 + 0.5 * agreement)[counted_pairs].mean())


def error(found: np.ndarray, nearness: np.ndarray) -> float:
    """Mean absolute error of a map once it is scaled and shifted as fits best."""
    columns = np.stack([found.ravel(), np.ones(found.size)], 1)
    scale_and_shift = np.linalg.lstsq(columns, nearness.ravel(), rcond=None)[0]
    return float(np.abs(columns @ scale_and_shift - nearness.ravel()).mean())


def gradient(picture: np.ndarray) -> np.ndarray:
    """The lower, the nearer."""
    return np.repeat(np.linspace(0, 1, len(picture))[:, None], picture.shape[1], 1)


def constant(picture: np.ndarray) -> np.ndarray:
    return np.zeros(picture.shape[:2])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sprites", type=Path)
    parser.add_argument("--pictures", type=int, default=200, help="of each kind")
    args = parser.parse_args()
    examples, rng = Examples(args.sprites, for_judge=True), np.random.default_rng(7)
    estimates: dict[str, Estimate] = {
        "the network": SmallDepthNetwork("embedded/nearness"),
        "a vertical gradient": gradient,
        "a constant": constant,
    }
    print("| pictures | depth | order | error |")
    print("|---|---|---|---|")
    for kind, draw in {"compositions": examples.composed, "rendered scenes": examples.rendered}.items():
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in estimates}
        with bars(True) as watch:
            for _ in counted(range(args.pictures), args.pictures, kind, watch):
                picture, nearness = draw(rng)
                nearness = (nearness - nearness.min()) / (nearness.max() - nearness.min())
                for name, estimate in estimates.items():
                    depth = estimate(levels(picture))
                    found[name].append((order(depth, nearness, rng), error(depth, nearness)))
        for name, figures in found.items():
            right, off = np.mean(figures, axis=0)
            print(f"| {kind} | {name} | {right:.1%} | {off:.3f} |")


if __name__ == "__main__":
    main()
