"""Trains a ControlNet on the embedded model (PyTorch): edges, depth or poses.

    python -m training.train.control canny SPRITES OUT --minutes 22

Resumable: run the same command again. OUT/canny.pt is the state, OUT/canny the ControlNet as a diffusers folder.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import numpy as np
import torch
from diffusers import ControlNetModel, DDIMScheduler

from training.pictures import characters, scenes
from training.pictures.sprites import Sprites
from training.train.guided import Base, Draw, Guided, decode, save_sheet, train
from training.train.loop import Plan
from training.train.unet import SCHEDULER

EMBEDDED = Path(__file__).parents[2] / "__assets__/embedded"
DRAW = {"canny": scenes.canny, "depth": scenes.depth, "pose": characters.example}
DROPPED = 0.3  # of the captions, so that the map alone must do
# One width fewer than Stable Diffusion's ControlNets: maps are made 4 times smaller, as the autoencoder does.
CONDITIONING = (16, 32, 64)


class Controlled(Guided):
    """The frozen image model with a ControlNet."""

    schedule, share = SCHEDULER, 0.2

    def __init__(self, base: Base, start: Path | None):
        super().__init__()
        unet = base.networks.unet
        self.base = [base]  # in a list, so that it is no sub-module: neither copied nor saved
        self.control = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=CONDITIONING)
        # Zero twice in a row learns slowly, and the outer zero convolutions already keep the start unchanged.
        torch.nn.init.kaiming_normal_(self.control.controlnet_cond_embedding.conv_out.weight)
        if start is not None:
            self.control.load_state_dict(ControlNetModel.from_pretrained(start).state_dict())

    def __deepcopy__(self, memo):
        [base] = self.base
        twin = Controlled(base, None)
        twin.load_state_dict(self.state_dict())
        return twin

    def trained(self) -> torch.nn.Module:
        return self.control

    def prepare(self, given: torch.Tensor) -> torch.Tensor:
        return given

    def drop(self, tokens, given, empty):
        return torch.where(torch.rand(len(tokens), 1) < DROPPED, empty, tokens), given

    def forward(self, noisy, timesteps, tokens, given):
        networks = self.base[0].networks
        words = networks.text(tokens)[0]
        down, mid = self.control(noisy, timesteps, words, given.float() / 255, return_dict=False)
        return networks.unet(
            noisy, timesteps, words, down_block_additional_residuals=down, mid_block_additional_residual=mid
        ).sample


@torch.no_grad()
def generate(
    model: Controlled,
    base: Base,
    captions: list[str],
    given: np.ndarray,
    seed: int = 0,
    steps: int = 20,
    guidance: float = 3.0,
) -> np.ndarray:
    """Pictures for captions and maps, uint8 RGB ``[count, 128, 128, 3]``."""
    scheduler = DDIMScheduler(**SCHEDULER)
    scheduler.set_timesteps(steps)
    x = torch.randn(len(captions), 4, 32, 32, generator=torch.Generator().manual_seed(seed))
    tokens = base.tokens([""] * len(captions) + captions)
    maps = torch.from_numpy(np.concatenate([given, given])).permute(0, 3, 1, 2)
    for t in scheduler.timesteps:
        with torch.autocast("cpu", torch.bfloat16):
            without, with_text = model(torch.cat([x, x]), t, tokens, maps).float().chunk(2)
        x = scheduler.step(without + guidance * (with_text - without), t, x).prev_sample
    return decode(base, x)


def preview(base: Base, draw: Draw, model: Controlled, path: Path) -> None:
    """Eight fresh examples: map, picture, and what the model makes of the map, with words and without."""
    rng = np.random.default_rng(99)
    examples = [draw(rng) for _ in range(8)]
    maps, captions = np.stack([e.given for e in examples]), [e.caption for e in examples]
    pictures = np.stack([scenes.levels(e.picture) for e in examples])
    made = [generate(model, base, words, maps) for words in (captions, [""] * len(captions))]
    save_sheet([maps, pictures, *made], path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=DRAW)
    parser.add_argument("sprites", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=22)
    parser.add_argument("--rate", type=float, default=0.005, help="peak rate of Muon; AdamW's is a fifth of it")
    parser.add_argument("--start", type=Path, help="a ControlNet's folder to begin with instead of the UNet's encoder")
    args = parser.parse_args()
    torch.manual_seed(0)
    base, draw = Base.load(EMBEDDED), partial(DRAW[args.kind], Sprites(args.sprites))
    plan = Plan(args.out / f"{args.kind}.pt", args.minutes, args.rate, rise=30, every=50)
    average = train(Controlled(base, args.start), base, draw, plan, partial(preview, base, draw))
    average.control.save_pretrained(args.out / args.kind)


if __name__ == "__main__":
    main()
