"""Trains the embedded text-to-video model from the embedded image model (PyTorch).

    python training/train_video.py SPRITES OUT --minutes 60

Resumable: run the same command again. OUT/video.pt is the state; ``export_video.py`` makes the model folder of it.
"""
from __future__ import annotations

import argparse
import copy
import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, DDIMScheduler, UNet3DConditionModel
from PIL import Image
from safetensors.torch import load_file
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import CLIPTextConfig, CLIPTextModel

import motion_text
import moving
from budget import Budget
from guided import Base, decode
from muon import Muon
from sprites import Sprites
from train_control import EMBEDDED
from train_unet import ADAMW_SHARE, EMPTY_CAPTIONS, SCHEDULER, TEXT, UNET, Networks, Training

UNET3D = {
    "sample_size": 32, "in_channels": 4, "out_channels": 4, "block_out_channels": UNET["block_out_channels"],
    "down_block_types": ("DownBlock3D", "DownBlock3D", "CrossAttnDownBlock3D"),
    "up_block_types": ("CrossAttnUpBlock3D", "UpBlock3D", "UpBlock3D"),
    "layers_per_block": 1, "norm_num_groups": UNET["norm_num_groups"], "cross_attention_dim": 128,
    # The width of a head (the image model's 4 is the number of its heads): half of the image model's, since it also
    # sets the width of the transformer before the first level, the most expensive part.
    "attention_head_dim": 20,
}
POOL, FIRST = 600, 60  # encoded clips that are kept, and those before the first step
# In the first quarter of the time windows of clips, which are cheaper, teach it to keep the subject the same; whole
# clips teach it how a subject moves.
SHORT, SHORT_BATCH, SHORT_SHARE, BATCH = 8, 4, 0.25, 3
INHERITED_SHARE = 0.2  # of the rate of the layers over the frames, for what the image model has learned


class VideoNetworks(torch.nn.Module):
    """The video UNet, which is trained, and the text encoder."""

    def __init__(self):
        super().__init__()
        self.unet = UNet3DConditionModel(**UNET3D)
        for module in self.unet.modules():  # every clip is fresh: nothing to overfit
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        self.text = CLIPTextModel(CLIPTextConfig(**TEXT))

    def forward(self, latents, timesteps, tokens):
        """``[clips, frames, 4, 32, 32]`` -> the velocity, of the same shape."""
        text = self.text(tokens)[0]
        return self.unet(latents.transpose(1, 2), timesteps, encoder_hidden_states=text).sample.transpose(1, 2)

    @classmethod
    def inflate(cls, image: Networks) -> VideoNetworks:
        """The image model for each frame by itself, with narrower heads; what works over the frames adds nothing."""
        networks = cls()
        own, given = networks.unet.state_dict(), image.unet.state_dict()
        # The image model's projections around attention are convolutions of one pixel.
        networks.unet.load_state_dict(own | {name: tensor.reshape(own[name].shape) for name, tensor in given.items()})
        for name, module in networks.unet.named_modules():
            if name.endswith(".proj_out") and "temp" in name or name == "transformer_in.proj_out":
                torch.nn.init.zeros_(module.weight)
                torch.nn.init.zeros_(module.bias)
        return networks


class Pool:
    """Encoded clips with their captions: a fresh one at every step, the oldest dropped."""

    def __init__(self, sprites: Sprites, vae: AutoencoderKL, encode, seed: int):
        self.sprites, self.vae, self.encode = sprites, vae, encode
        self.rng = np.random.default_rng(seed)
        self.latents = torch.empty(POOL, moving.FRAMES, 4, 32, 32)
        self.tokens = torch.empty(POOL, len(encode([""])[0]), dtype=torch.long)
        self.count = 0

    @torch.no_grad()
    def add(self, count: int) -> None:
        """Draws and encodes that many clips."""
        for _ in range(count):
            motion = moving.sample(self.rng)
            pictures = torch.from_numpy(moving.clip(self.sprites, motion)).permute(0, 3, 1, 2) * 2 - 1
            with torch.autocast("cpu", torch.bfloat16):
                latents = self.vae.encode(pictures).latent_dist.mean.float()
            place = self.count % POOL
            self.latents[place] = latents * self.vae.config.scaling_factor
            self.tokens[place] = torch.tensor(self.encode([moving.caption(self.rng, motion)])[0])
            self.count += 1

    def draw(self, count: int, frames: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Latents ``[count, frames, 4, 32, 32]`` from windows of clips, and tokens; some captions are left out."""
        rows = self.rng.integers(0, min(self.count, POOL), size=count)
        starts = self.rng.integers(0, moving.FRAMES - frames + 1, size=count)
        latents = torch.stack([self.latents[row, start : start + frames] for row, start in zip(rows, starts)])
        left_out = torch.from_numpy(self.rng.random(count) < EMPTY_CAPTIONS)
        empty = torch.tensor(self.encode([""])[0])
        return latents, torch.where(left_out[:, None], empty, self.tokens[torch.from_numpy(rows)])


def spread_timesteps(count: int) -> torch.Tensor:
    """Timesteps drawn at random, spread over the schedule; more of the noisy ones, where the motion is decided."""
    return (((torch.randperm(count) + torch.rand(count)) / count).sqrt() * 1000).long().clamp(0, 999)


def loss_of(model: VideoNetworks, scheduler: DDIMScheduler, latents: torch.Tensor, tokens: torch.Tensor):
    """Mean squared error of the predicted velocity (arXiv 2202.00512); all frames of a clip have the same timestep."""
    noise, timesteps = torch.randn_like(latents), spread_timesteps(len(latents))
    # PyTorch's flash attention is slow on a CPU where sequences are as short as a clip.
    with torch.autocast("cpu", torch.bfloat16), sdpa_kernel(SDPBackend.MATH):
        predicted = model(scheduler.add_noise(latents, noise, timesteps), timesteps, tokens)
    return F.mse_loss(predicted.float(), scheduler.get_velocity(latents, noise, timesteps))


PREVIEW = ["a panda moving left in the snow", "a rocket rising in outer space", "a balloon bouncing on the grass",
           "a car moving right in the desert", "a fox falling on a purple background"]


@torch.no_grad()
def generate(model: VideoNetworks, base: Base, prompts: list[str], seed: int = 0, steps: int = 20,
             guidance: float = 4.0) -> np.ndarray:
    """Clips for the prompts, uint8 RGB ``[count, frames, 128, 128, 3]``."""
    scheduler = DDIMScheduler(**SCHEDULER)
    scheduler.set_timesteps(steps)
    x = torch.randn(len(prompts), moving.FRAMES, 4, 32, 32, generator=torch.Generator().manual_seed(seed))
    tokens = base.tokens([""] * len(prompts) + prompts)
    for t in scheduler.timesteps:
        with torch.autocast("cpu", torch.bfloat16):
            without, with_text = model(torch.cat([x, x]), t, tokens).float().chunk(2)
        x = scheduler.step(without + guidance * (with_text - without), t, x).prev_sample
    return np.stack([decode(base, each) for each in x])


def preview(model: VideoNetworks, base: Base, path: Path) -> None:
    rows = [np.concatenate(list(clip[::2]), axis=1) for clip in generate(model, base, PREVIEW)]
    Image.fromarray(np.concatenate(rows)).save(path)


def optimizers_of(model: VideoNetworks, lr: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside, those over the frames and the inherited ones apart; AdamW for the rest."""
    edges = ("embed", "conv_in", "conv_out")
    trained = [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]
    inner = [(name, weight) for name, weight in trained if weight.ndim >= 2 and not any(e in name for e in edges)]
    over_frames = [w for name, w in inner if "temp_" in name or "transformer_in" in name]
    inherited = [w for name, w in inner if not ("temp_" in name or "transformer_in" in name)]
    chosen = {id(weight) for _, weight in inner}
    rest = [weight for _, weight in trained if id(weight) not in chosen]
    adamw = torch.optim.AdamW(rest, lr=lr * ADAMW_SHARE, betas=(0.9, 0.99), weight_decay=0.01)
    return [Muon(over_frames, lr=lr), Muon(inherited, lr=lr * INHERITED_SHARE), adamw]


def begin(base: Base, out: Path, lr: float, start: Path | None) -> Training:
    """A new training, from the image model or from the UNet that ``export_video.py`` wrote to ``start``."""
    model = VideoNetworks.inflate(base.networks).train()
    if start:
        model.unet.load_state_dict(load_file(start / "unet/diffusion_pytorch_model.safetensors"))
    model.text = motion_text.load(base, out)
    return Training(model, copy.deepcopy(model).eval(), optimizers_of(model, lr))


def train(sprites: Sprites, out: Path, minutes: float, lr: float, start: Path | None) -> None:
    """Trains for ``minutes`` in all with a cosine schedule over that time; keeps an average of the weights."""
    torch.manual_seed(0)
    base, scheduler, state_file = Base.load(EMBEDDED), DDIMScheduler(**SCHEDULER), out / "video.pt"
    training = begin(base, out, lr, start)
    if state_file.exists():
        training.load(state_file)
    torch.manual_seed(training.step)
    pool = Pool(sprites, base.vae, base.encode, seed=training.step)
    pool.add(FIRST)
    budget, losses = Budget(minutes, training.spent), []
    while budget.done < 1:
        rate = lr * min(1, (training.step + 1) / 30) * (0.5 + 0.5 * math.cos(math.pi * min(1, budget.done)))
        pool.add(1)
        batch = (SHORT_BATCH, SHORT) if budget.done < SHORT_SHARE else (BATCH, moving.FRAMES)
        loss = loss_of(training.model, scheduler, *pool.draw(*batch))
        training.advance(loss, (rate, rate * INHERITED_SHARE, rate * ADAMW_SHARE))
        losses.append(loss.item())
        if training.step % 50 == 0:
            print(f"step {training.step} {budget.spent:.1f} min loss {np.mean(losses[-50:]):.4f} rate {rate:.5f}",
                  flush=True)
            training.save(state_file, budget.spent)
        if training.step % 300 == 0:
            preview(training.average, base, out / f"video-{training.step}.png")
    training.save(state_file, budget.spent)
    preview(training.average, base, out / "video-final.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sprites", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=float, default=0.004, help="peak rate of Muon over the frames")
    parser.add_argument("--start", type=Path, help="a folder that export_video.py made, whose UNet to begin with")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    train(Sprites(args.sprites), args.out, args.minutes, args.rate, args.start)


if __name__ == "__main__":
    main()
