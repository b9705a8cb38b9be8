"""Trains the embedded U2NETP, which finds the subject of a picture (PyTorch); background smoothing uses it.

    python -m training.train.saliency SPRITES OUT --minutes 6

Resumable: run the same command again. OUT/saliency.pt is the state.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from training.pictures import characters
from training.pictures.scenes import varied
from training.pictures.sprites import Sprites, sample
from training.train.guided import save_sheet
from training.train.loop import Plan, Training
from training.train.u2netp import U2NETP

MEAN, STD = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)
SIDES = {128: 12, 192: 6, 320: 2}  # side in pixels: pictures a step. 320 is what the published model is fed with.


def example(sprites: Sprites, rng: np.random.Generator, for_judge: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """A picture, float32 ``[128, 128, 3]`` in 0..1, moved, blurred and noised at random, and the subject's alpha."""
    if rng.random() < 0.2:
        picture, alpha = characters.with_alpha(sprites, rng, for_judge)
    else:
        picture, alpha = sprites.compose(sample(rng, for_judge))
    picture, alpha = varied(rng, picture, alpha)
    blurred = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 2.5))
    picture = picture + rng.uniform(0, 1) * (blurred - picture)
    picture = picture * rng.uniform(0.8, 1.1, 3) + rng.normal(0, rng.uniform(0, 0.04), picture.shape)
    return np.clip(picture, 0, 1).astype(np.float32), alpha


def prepare(pictures: list[np.ndarray], side: int) -> torch.Tensor:
    """As the published model takes them: resized, divided by the largest value, ImageNet's mean and deviation."""
    resized = [cv2.resize(p, (side, side), interpolation=cv2.INTER_LINEAR) for p in pictures]
    scaled = [(p / max(p.max(), 1e-6) - MEAN) / STD for p in resized]
    return torch.from_numpy(np.stack(scaled)).permute(0, 3, 1, 2)


def batch(sprites: Sprites, rng: np.random.Generator, side: int, count: int, for_judge: bool = False):
    made = [example(sprites, rng, for_judge) for _ in range(count)]
    alphas = np.stack([cv2.resize(alpha, (side, side), interpolation=cv2.INTER_LINEAR) for _, alpha in made])
    return prepare([picture for picture, _ in made], side), torch.from_numpy(alphas)[:, None].clamp(0, 1)


@torch.no_grad()
def measure(model: U2NETP, sprites: Sprites, side: int, path: Path | None = None) -> str:
    """Mean absolute error and intersection over union on 48 fresh held-out compositions."""
    model.eval()
    x, alphas = batch(sprites, np.random.default_rng(4), side, 48, for_judge=True)
    found = torch.cat([model(part)[0].sigmoid() for part in x.split(8)])
    over = ((found > 0.5) & (alphas > 0.5)).sum((1, 2, 3)) / ((found > 0.5) | (alphas > 0.5)).sum((1, 2, 3)).clamp(1)
    if path is not None:
        shown = [
            x[:10] * torch.tensor(STD)[:, None, None] + torch.tensor(MEAN)[:, None, None],
            alphas[:10].expand(-1, 3, -1, -1),
            found[:10].expand(-1, 3, -1, -1),
        ]
        save_sheet([(row.clamp(0, 1) * 255).byte().permute(0, 2, 3, 1).numpy() for row in shown], path)
    model.train()
    return f"{side} px: error {(found - alphas).abs().mean():.4f}, intersection over union {over.mean():.3f}"


def train(sprites: Sprites, out: Path, minutes: float, lr: float) -> None:
    """Trains for ``minutes`` in all, with a cosine schedule over that time, on pictures of several sides."""
    torch.manual_seed(0)
    model = U2NETP()
    optimizer = torch.optim.AdamW([{"params": list(model.parameters()), "share": 1.0}], weight_decay=1e-3)
    training = Training(model, [optimizer], Plan(out / "saliency.pt", minutes, lr, rise=20, every=50))
    rng = np.random.default_rng(training.step)
    for _ in training.steps():
        side = int(rng.choice(list(SIDES), p=(0.5, 0.25, 0.25)))
        x, alphas = batch(sprites, rng, side, SIDES[side])
        with torch.autocast("cpu", torch.bfloat16):
            outputs = model(x)
        training.advance(loss=sum(F.binary_cross_entropy_with_logits(o.float(), alphas) for o in outputs))
        if training.reporting:
            print(measure(model, sprites, 128), flush=True)
    for side in SIDES:
        print(measure(model, sprites, side, out / f"saliency-{side}.png"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sprites", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=6)
    parser.add_argument("--lr", type=float, default=2e-3)
    args = parser.parse_args()
    train(Sprites(args.sprites), args.out, args.minutes, args.lr)


if __name__ == "__main__":
    main()
