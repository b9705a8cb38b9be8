"""Trains the embedded Dreambooth model (arXiv 2208.12242) on five pictures of the mascot (PyTorch).

    python training/train_dreambooth.py OUT --minutes 5

The text encoder stays as it is; half of each batch are the model's own pictures of the class (prior preservation, weight
1). Resumable: run the same command again. OUT/dreambooth.pt is the state; ``export_guided.py`` makes the folder of it.
"""
from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import numpy as np
import torch

import mascot
from guided import Base, Guided, Plan, save_sheet, train
from scenes import Example
from sprites import PLACES
from train_control import EMBEDDED
from train_unet import SCHEDULER, Networks, generate

TOKEN, CLASS = "sks", "bear"
OWN = 56  # pictures of the class


class Dreambooth(Guided):
    """The image model; nothing is given beside the words."""

    schedule = SCHEDULER

    def __init__(self, base: Base):
        super().__init__()
        self.networks = Networks()
        self.networks.load_state_dict(base.networks.state_dict())
        self.networks.text.requires_grad_(False)

    def trained(self) -> torch.nn.Module:
        return self.networks.unet

    def prepare(self, given: torch.Tensor) -> torch.Tensor:
        return given[:, 0, :1, :1]

    def drop(self, tokens, given, empty):
        return tokens, given

    def forward(self, noisy, timesteps, tokens, given):
        return self.networks(noisy, timesteps, tokens)


def class_examples(base: Base) -> list[Example]:
    """What the untrained model makes of the class in every place."""
    phrases = [phrase for place in PLACES.values() for phrase in place.phrases]
    captions = [f"a {CLASS} {phrases[i % len(phrases)]}" for i in range(OWN)]
    made = [generate(base.networks, base.vae, base.encode, captions[i : i + 14], seed=i, steps=20)
            for i in range(0, OWN, 14)]
    nothing = np.zeros((128, 128, 3), np.uint8)
    return [Example(p.astype(np.float32) / 255, text, nothing) for p, text in zip(np.concatenate(made), captions)]


def draw(known: list[Example], own: list[Example], rng: np.random.Generator) -> Example:
    """One of the five pictures or, as often, one of the class."""
    examples = known if rng.random() < 0.5 else own
    return examples[rng.integers(len(examples))]


PREVIEW = [f"a {TOKEN} {CLASS} {p}" for p in ("in the snow", "in the desert", "on a red background", "at night",
                                               "in outer space", "under water")]


@torch.no_grad()
def preview(base: Base, model: Dreambooth, path: Path) -> None:
    prompts = [PREVIEW, [f"a {CLASS} on the grass", f"a {CLASS} at sunset", "a panda in the snow", "a car on the beach",
                         "a fox at night", "a koala on a blue background"]]
    save_sheet([generate(model.networks, base.vae, base.encode, row, steps=20) for row in prompts], path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--rate", type=float, default=0.0015, help="peak rate of Muon; AdamW's is a tenth of it")
    args = parser.parse_args()
    torch.manual_seed(0)
    base = Base.load(EMBEDDED)
    nothing = np.zeros((128, 128, 3), np.uint8)
    known = [Example(picture, f"a {TOKEN} {CLASS}", nothing) for picture in mascot.pictures()]
    plan = Plan(args.minutes, args.rate, share=0.1, file=args.out / "dreambooth.pt")
    train(Dreambooth(base), base, partial(draw, known, class_examples(base)), plan, partial(preview, base))


if __name__ == "__main__":
    main()
