"""Trains what the figures of the guided modes are measured with (PyTorch); ``judge.finders`` has the same in Paddle.

    python -m training.train.finders SPRITES

The keypoint finder sees drawn characters in pairs of subject and place that the ControlNet never saw, the recogniser
the mascot among everything else; both blurred, tinted and noised at random.
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

from training.pictures import characters, edits, mascot
from training.pictures.characters import LOOKS
from training.pictures.sprites import PLACES, Sprites, sample
from training.train.judge import block

FOLDER = Path(__file__).parents[1] / "judge"
GRID = 32


def layer(channels: int, width: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(channels, width, 3, padding=1), nn.GroupNorm(8, width), nn.ReLU())


class Finder(nn.Module):
    """The network of ``judge.finders.Finder``, with the same names."""

    def __init__(self):
        super().__init__()
        widths = (3, 32, 64, 96, 160)
        self.down = nn.ModuleList([layer(a, b) for a, b in itertools.pairwise(widths)])
        self.up16, self.up32 = layer(160 + 96, 96), layer(96 + 64, 64)
        self.heat = nn.Conv2d(64, 18, 1)
        self.subject = nn.Linear(160, len(LOOKS))

    def forward(self, pictures):
        x, kept = F.avg_pool2d(pictures, 2) * 2 - 1, []
        for i, part in enumerate(self.down):
            x = part(F.max_pool2d(x, 2) if i else x)
            kept.append(x)
        subject = self.subject(x.mean((2, 3)))
        for part, skip in ((self.up16, kept[2]), (self.up32, kept[1])):
            x = part(torch.cat([F.interpolate(x, scale_factor=2.0, mode="nearest"), skip], 1))
        share = self.heat(x).flatten(2).softmax(-1).unflatten(2, (GRID, GRID))
        steps = (torch.arange(GRID) + 0.5) * (128 / GRID)
        joints = torch.stack([(share.sum(2) * steps).sum(-1), (share.sum(3) * steps).sum(-1)], -1)
        return joints, subject


class Recogniser(nn.Module):
    """The network of ``judge.finders.Recogniser``, with the same names."""

    def __init__(self):
        super().__init__()
        widths = (3, 24, 32, 48, 64)
        self.blocks = nn.ModuleList([block(a, b) for a, b in itertools.pairwise(widths)])
        self.mascot = nn.Linear(64, 1)

    def forward(self, pictures):
        x = F.avg_pool2d(pictures, 2) * 2 - 1
        for part in self.blocks:
            x = part(x)
        return self.mascot(x.amax((2, 3)))[:, 0]


def worn(pictures: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Blurred, tinted and noised at random."""
    blurred = F.avg_pool2d(pictures, 5, 1, 2, count_include_pad=False)
    mixed = pictures.lerp(blurred, torch.from_numpy(rng.uniform(0, 1, (len(pictures), 1, 1, 1)).astype(np.float32)))
    tint = torch.from_numpy(rng.uniform(0.88, 1.12, (len(pictures), 3, 1, 1)).astype(np.float32))
    noise = torch.from_numpy(rng.normal(0, 0.02, pictures.shape).astype(np.float32))
    return (mixed * tint + noise).clamp(0, 1)


def dancer(sprites: Sprites, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, int]:
    """A held-out character, its joints and the number of its subject."""
    subject, place, joints = characters.scene(rng, for_judge=True)
    picture = characters.draw(sprites, joints, subject, characters.stage(rng, joints, place))
    return picture, joints.astype(np.float32), list(LOOKS).index(subject)


def anything(sprites: Sprites, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """The mascot half of the time, else a subject, often a bear and often in another colour; and which it was."""
    made = sample(rng, for_judge=True)
    if rng.random() < 0.5:
        place, size = str(rng.choice(list(PLACES))), int(rng.integers(60, 100))
        return mascot.compose(place, int(rng.integers(48, 81)), int(rng.integers(48, 81)), size, made.horizon)[0], 1.0
    if rng.random() < 0.4:
        made = type(made)("bear", *(getattr(made, name) for name in ("place", "x", "y", "size", "horizon")))
    picture, alpha = sprites.compose(made)
    if rng.random() < 0.5:
        picture = edits.coloured(picture, alpha, str(rng.choice(list(edits.COLOURS))))
    return picture, 0.0


class Store:
    """Drawn pictures with what is true of them; some new ones at every step."""

    def __init__(self, draw, rng: np.random.Generator, count: int):
        self.draw, self.rng, self.rows = draw, rng, [draw(rng) for _ in range(count)]

    def batch(self, count: int, fresh: int = 4) -> list[torch.Tensor]:
        for _ in range(fresh):
            self.rows[self.rng.integers(len(self.rows))] = self.draw(self.rng)
        chosen = [self.rows[i] for i in self.rng.integers(len(self.rows), size=count)]
        pictures, *truths = (torch.from_numpy(np.stack(part)) for part in zip(*chosen))
        return [worn(pictures.permute(0, 3, 1, 2).float(), self.rng), *truths]


def fit(model: nn.Module, store: Store, loss_of, steps: int) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for step in range(1, steps + 1):
        loss = loss_of(model, *store.batch(32))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 100 == 0:
            print(f"step {step} loss {loss.item():.3f}", flush=True)


def pose_loss(model: Finder, pictures, joints, subjects) -> torch.Tensor:
    found, subject = model(pictures)
    return F.smooth_l1_loss(found, joints, beta=4.0) + 0.5 * F.cross_entropy(subject, subjects)


def mascot_loss(model: Recogniser, pictures, truth) -> torch.Tensor:
    return F.binary_cross_entropy_with_logits(model(pictures), truth.float())


@torch.no_grad()
def report(finder: Finder, recogniser: Recogniser, sprites: Sprites) -> str:
    pictures, joints, subjects = Store(lambda rng: dancer(sprites, rng), np.random.default_rng(5), 300).batch(300, 0)
    found, subject = finder(pictures)
    off = (found - joints).norm(dim=-1) / 128
    seen, truth = Store(lambda rng: anything(sprites, rng), np.random.default_rng(6), 400).batch(400, 0)
    right = ((recogniser(seen) > 0) == (truth > 0.5)).float().mean()
    return (
        f"on fresh held-out drawings: joints off by {off.mean():.2%} of the frame (median {off.median():.2%}, "
        f"wrists and ankles {off[:, [4, 7, 10, 13]].mean():.2%}), "
        f"subject {(subject.argmax(1) == subjects).float().mean():.1%}; mascot or not {right:.1%}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sprites", type=Path)
    parser.add_argument("--steps", type=int, default=600)
    args = parser.parse_args()
    torch.manual_seed(0)
    sprites, finder, recogniser = Sprites(args.sprites), Finder(), Recogniser()
    fit(finder, Store(lambda rng: dancer(sprites, rng), np.random.default_rng(1), 2000), pose_loss, args.steps)
    fit(recogniser, Store(lambda rng: anything(sprites, rng), np.random.default_rng(2), 1000), mascot_loss, 400)
    for name, network in (("finder", finder), ("recogniser", recogniser)):
        state = {key: tensor.half() for key, tensor in network.state_dict().items()}
        save_file(state, FOLDER / f"{name}.safetensors", {"format": "pt"})
    print(report(finder, recogniser, sprites))


if __name__ == "__main__":
    main()
