"""Trains the embedded depth network (PyTorch): which parts of a picture are near.

    python -m training.train.nearness SPRITES OUT --minutes 40

Resumable: run the same command again. OUT/nearness.pt is the state.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from training.pictures.depths import Examples
from training.pictures.solids import SIDE
from training.train.guided import save_sheet
from training.train.loop import Plan, Training
from training.train.mobile_unet import MobileUNet

FIRST, FRESH, POOL = 60, 1, 3000  # examples before the first step, new ones at each, and how many are kept
SIDES = {96: (12, 0.75), 128: (6, 0.25)}  # side in pixels: pictures of a step, and the share of such steps


def cut(
    rng: np.random.Generator, picture: np.ndarray, nearness: np.ndarray, side: int
) -> tuple[np.ndarray, np.ndarray]:
    """A part of the picture, stretched to a square of ``side`` pixels, mirrored every second time."""
    height, width = (int(SIDE * rng.uniform(0.55, 1)) for _ in range(2))
    top, left = int(rng.integers(SIDE - height + 1)), int(rng.integers(SIDE - width + 1))
    flip = -1 if rng.random() < 0.5 else 1
    parts = (each[top : top + height, left : left + width][:, ::flip] for each in (picture, nearness))
    return tuple(cv2.resize(part, (side, side), interpolation=cv2.INTER_AREA) for part in parts)


def batch(pairs: list[tuple[np.ndarray, np.ndarray]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures ``[count, 3, side, side]`` in -1..1; nearness ``[count, 1, side / 2, side / 2]``, each from 0 to 1."""
    pictures = torch.from_numpy(np.stack([picture for picture, _ in pairs])).permute(0, 3, 1, 2)
    nearness = F.avg_pool2d(torch.from_numpy(np.stack([near for _, near in pairs]))[:, None], 2)
    low, high = nearness.amin((2, 3), keepdim=True), nearness.amax((2, 3), keepdim=True)
    return pictures * 2 - 1, (nearness - low) / (high - low).clamp(1e-6)


def aligned(maps: torch.Tensor) -> torch.Tensor:
    """Without shift and scale, as arXiv 1907.01341, section 5: median 0, mean deviation from it 1."""
    shifted = maps - maps.flatten(1).median(1).values[:, None, None, None]
    return shifted / shifted.abs().mean((1, 2, 3), keepdim=True).clamp(1e-3)


def loss_of(found: torch.Tensor, nearness: torch.Tensor) -> dict[str, torch.Tensor]:
    """The errors up to scale and shift, those of the slopes at four scales (same section), and the plain error, which
    fixes the scale so that the maps of a clip's frames are alike."""
    one, other = aligned(found), aligned(nearness)
    slopes, difference = found.new_zeros(()), (one - other).clamp(-4, 4)
    for _ in range(4):
        slopes = slopes + difference.diff(dim=2).abs().mean() + difference.diff(dim=3).abs().mean()
        difference = F.avg_pool2d(difference, 2)
    return {
        "shape": (one - other).abs().clamp(max=4).mean(),
        "slopes": 0.5 * slopes,
        "plain": 0.5 * (found - nearness).abs().mean(),
    }


def train(folder: Path, out: Path, minutes: float, rate: float) -> MobileUNet:
    """Trains for ``minutes`` in all, with a cosine schedule over that time."""
    torch.manual_seed(0)
    model = MobileUNet().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW([{"params": list(model.parameters()), "share": 1.0}], weight_decay=1e-2)
    training = Training(model, [optimizer], Plan(out / "nearness.pt", minutes, rate, rise=50, every=50))
    examples, rng = Examples(folder), np.random.default_rng(training.step)
    pool = [examples.draw(rng) for _ in range(FIRST)]
    for _ in training.steps():
        pool = [*pool, *(examples.draw(rng) for _ in range(FRESH))][-POOL:]
        side = int(rng.choice(list(SIDES), p=[share for _, share in SIDES.values()]))
        chosen = rng.integers(len(pool), size=SIDES[side][0])
        pictures, nearness = batch([cut(rng, *pool[place], side) for place in chosen])
        with torch.autocast("cpu", torch.bfloat16):
            found = model(pictures.contiguous(memory_format=torch.channels_last))
        training.advance(**loss_of(found.float(), nearness))
        if training.step % 500 == 0:
            preview(model, folder, out / "nearness.png")
    return model


@torch.no_grad()
def preview(model: MobileUNet, folder: Path, path: Path) -> None:
    """Ten fresh examples that are held out: picture, nearness, and what the model finds."""
    examples, rng = Examples(folder, for_judge=True), np.random.default_rng(99)
    pictures, nearness = batch([examples.draw(rng) for _ in range(10)])
    found = model.eval()(pictures)
    model.train()
    rows = [F.avg_pool2d(pictures, 2) / 2 + 0.5, nearness.expand(-1, 3, -1, -1), found.expand(-1, 3, -1, -1)]
    save_sheet([(row.clamp(0, 1) * 255).byte().permute(0, 2, 3, 1).numpy() for row in rows], path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sprites", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=40)
    parser.add_argument("--rate", type=float, default=3e-3)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    model = train(args.sprites, args.out, args.minutes, args.rate)
    preview(model, args.sprites, args.out / "nearness.png")


if __name__ == "__main__":
    main()
