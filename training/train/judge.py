"""Trains the judge on held-out compositions of the sprites (PyTorch); ``judge.pictures`` uses it.

    python -m training.train.judge SPRITES

The judge sees only compositions that the generator never saw (``sprites.held_out``), moved as a clip moves them,
blurred, tinted and noised at random.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

from training.pictures.sprites import PLACES, SIZE, SUBJECTS, Sprites, sample

WIDTHS = (3, 32, 64, 128, 192)
REACH = 24  # pixels; the last frame of a clip of 8 is moved by 21
WEIGHTS = Path(__file__).parents[1] / "judge" / "judge.safetensors"


def block(channels: int, width: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(channels, width, 3, padding=1), nn.GroupNorm(8, width), nn.ReLU(), nn.MaxPool2d(2))


class Judge(nn.Module):
    """The network of ``judge.pictures.Judge``, with the same names."""

    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList([block(a, b) for a, b in itertools.pairwise(WIDTHS)])
        self.subject = nn.Linear(WIDTHS[-1] * 16, len(SUBJECTS))
        self.place = nn.Linear(WIDTHS[-1] * 16, len(PLACES))
        self.centre = nn.Linear(WIDTHS[-1] * 16, 2)

    def forward(self, pictures):
        x = F.avg_pool2d(pictures, 2) * 2 - 1
        for layer in self.blocks:
            x = layer(x)
        x = x.flatten(1)
        return self.subject(x), self.place(x), (self.centre(x) + 0.5) * SIZE


def batch(sprites: Sprites, rng: np.random.Generator, count: int):
    """Held-out compositions ``[count, 3, 128, 128]`` in 0..1, with their subjects, places and centres."""
    made = [sample(rng, for_judge=True) for _ in range(count)]
    ways = rng.integers(-REACH, REACH + 1, (count, 2))
    moved = [_move(sprites.compose(m)[0], *way) for m, way in zip(made, ways)]
    pictures = torch.from_numpy(np.stack(moved)).permute(0, 3, 1, 2)
    blurred = F.avg_pool2d(pictures, 5, 1, 2, count_include_pad=False)
    pictures = pictures.lerp(blurred, torch.from_numpy(rng.uniform(0, 1, (count, 1, 1, 1)).astype(np.float32)))
    tint = torch.from_numpy(rng.uniform(0.85, 1.15, (count, 3, 1, 1)).astype(np.float32))
    noise = torch.from_numpy(rng.normal(0, 0.02, pictures.shape).astype(np.float32))
    subjects = torch.tensor([list(SUBJECTS).index(m.subject) for m in made])
    places = torch.tensor([list(PLACES).index(m.place) for m in made])
    centres = torch.tensor([[m.x + x, m.y + y] for m, (x, y) in zip(made, ways)]).float()
    return (pictures * tint + noise).clamp(0, 1), subjects, places, centres


def _move(picture: np.ndarray, right: int, down: int) -> np.ndarray:
    """The whole picture moved, what comes in at its borders reflected, as the motion field does it."""
    padded = np.pad(picture, ((REACH, REACH), (REACH, REACH), (0, 0)), mode="reflect")
    return padded[REACH - down : REACH - down + SIZE, REACH - right : REACH - right + SIZE]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sprites", type=Path)
    parser.add_argument("--steps", type=int, default=2000)
    args = parser.parse_args()
    torch.manual_seed(0)
    sprites, judge, rng = Sprites(args.sprites), Judge(), np.random.default_rng(1)
    optimizer = torch.optim.AdamW(judge.parameters(), lr=1e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.steps)
    for step in range(1, args.steps + 1):
        pictures, subjects, places, centres = batch(sprites, rng, 32)
        subject, place, centre = judge(pictures)
        loss = F.cross_entropy(subject, subjects) + F.cross_entropy(place, places) + F.l1_loss(centre, centres) / 16
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 200 == 0:
            print(f"step {step} loss {loss.item():.3f}", flush=True)
    with torch.no_grad():
        pictures, subjects, places, centres = batch(sprites, np.random.default_rng(2), 480)
        subject, place, centre = judge(pictures)
    print(
        "on 480 fresh held-out compositions, moved likewise: "
        f"subject {(subject.argmax(1) == subjects).float().mean():.1%}, "
        f"place {(place.argmax(1) == places).float().mean():.1%}, "
        f"centre off by {(centre - centres).abs().mean():.1f} px"
    )
    save_file({name: tensor.half() for name, tensor in judge.state_dict().items()}, WEIGHTS, {"format": "pt"})


if __name__ == "__main__":
    main()
