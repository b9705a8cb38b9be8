"""Trains the embedded instruct-pix2pix model (arXiv 2211.09800) from the embedded model (PyTorch).

    python -m training.train.pix2pix SPRITES OUT --minutes 30

Resumable: run the same command again. OUT/pix2pix.pt is the state; ``export.guided`` makes the model folder of it.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import numpy as np
import torch
from diffusers import DDIMScheduler, UNet2DConditionModel

from training.pictures import edits
from training.pictures.scenes import levels
from training.pictures.sprites import Sprites
from training.train.control import EMBEDDED
from training.train.guided import Base, Draw, Guided, decode, save_sheet, train
from training.train.loop import Plan
from training.train.unet import SCHEDULER, UNET, Networks

# PPDiffusers' EulerAncestralDiscreteScheduler knows no rescaling of the betas to zero signal, so this model learns
# Stable Diffusion's own schedule; plain backgrounds come from the picture that is edited.
SCHEDULE = {**SCHEDULER, "rescale_betas_zero_snr": False}
DROPPED = 0.05  # each: the words, the picture, both (arXiv 2211.09800, section 3.2.1)


class Pix2Pix(Guided):
    """The image model with four more input channels, those of the picture to edit; its text encoder learns too."""

    schedule, share = SCHEDULE, 0.1
    haste = 8.0  # from zero, at the common rate, the new channels stayed at a tenth of the others for 400 steps

    def __init__(self, base: Base):
        super().__init__()
        self.base = [base]  # in a list, so that it is no sub-module: neither copied nor saved
        self.networks = Networks()
        self.networks.unet = UNet2DConditionModel(**{**UNET, "in_channels": 8})
        state = base.networks.state_dict()
        weight = state["unet.conv_in.weight"]
        state["unet.conv_in.weight"] = torch.cat([weight, torch.zeros_like(weight)], dim=1)
        self.networks.load_state_dict(state)

    def __deepcopy__(self, memo):
        twin = Pix2Pix(*self.base)
        twin.load_state_dict(self.state_dict())
        return twin

    def trained(self) -> torch.nn.Module:
        return self.networks

    def prepare(self, given: torch.Tensor) -> torch.Tensor:
        return self.base[0].latents(given.float() / 255)  # not scaled: as Stable Diffusion's instruct-pix2pix has it

    def drop(self, tokens, given, empty):
        chance = torch.rand(len(tokens))
        no_words = (chance < DROPPED) | ((chance >= 2 * DROPPED) & (chance < 3 * DROPPED))
        no_picture = (chance >= DROPPED) & (chance < 3 * DROPPED)
        return torch.where(no_words[:, None], empty, tokens), given * ~no_picture[:, None, None, None]

    def forward(self, noisy, timesteps, tokens, given):
        return self.networks(torch.cat([noisy, given], dim=1), timesteps, tokens)


@torch.no_grad()
def generate(
    model: Pix2Pix,
    base: Base,
    instructions: list[str],
    given: np.ndarray,
    seed: int = 0,
    steps: int = 20,
    guidance: float = 3.0,
    image_guidance: float = 2.5,
) -> np.ndarray:
    """Edited pictures, uint8 RGB ``[count, 128, 128, 3]``, by DDIM with the paper's two guidance scales."""
    scheduler, count = DDIMScheduler(**SCHEDULE), len(instructions)
    scheduler.set_timesteps(steps)
    x = torch.randn(count, 4, 32, 32, generator=torch.Generator().manual_seed(seed))
    tokens = base.tokens(instructions + [""] * 2 * count)
    picture = model.prepare(torch.from_numpy(given).permute(0, 3, 1, 2))
    pictures = torch.cat([picture, picture, torch.zeros_like(picture)])
    for t in scheduler.timesteps:
        with torch.autocast("cpu", torch.bfloat16):
            text, image, none = model(torch.cat([x] * 3), t, tokens, pictures).float().chunk(3)
        velocity = none + guidance * (text - image) + image_guidance * (image - none)
        x = scheduler.step(velocity, t, x).prev_sample
    return decode(base, x)


def preview(base: Base, sprites: Sprites, model: Pix2Pix, path: Path) -> None:
    """Three edits of each kind: before, after, what the model makes of it."""
    rng = np.random.default_rng(99)
    chosen = [edits.pair(sprites, rng, kind, for_judge=True) for kind in edits.KINDS for _ in range(3)]
    before = np.stack([levels(e.before) for e in chosen])
    after = np.stack([levels(e.after) for e in chosen])
    save_sheet([before, after, generate(model, base, [e.instruction for e in chosen], before)], path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sprites", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=float, default=0.005, help="peak rate of Muon; AdamW's is a tenth of it")
    args = parser.parse_args()
    torch.manual_seed(0)
    base, sprites = Base.load(EMBEDDED), Sprites(args.sprites)
    draw: Draw = partial(edits.example, sprites)
    plan = Plan(args.out / "pix2pix.pt", args.minutes, args.rate, rise=30, every=50)
    train(Pix2Pix(base), base, draw, plan, partial(preview, base, sprites))


if __name__ == "__main__":
    main()
