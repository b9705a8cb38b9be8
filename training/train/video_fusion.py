"""Trains the embedded VideoFusion model (arXiv 2303.08320) from the embedded image and video models (PyTorch).

    python -m training.train.video_fusion SPRITES OUT --minutes 40

Without base noise a frame is a noisy frame like any other, at a level of its own: the residual generator begins as the
embedded text-to-video UNet, the base generator as the image UNet. Of both only ``ADAPTED`` weights change, so that the
model's folder holds no more than those (``export.video_fusion``).

Resumable: run the same command again. OUT/video_fusion-LAMBDA.pt is the state.
"""

from __future__ import annotations

import argparse
import copy
import json
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from diffusers import DDIMScheduler, UNet3DConditionModel
from safetensors.torch import load_file
from torch.nn.attention import SDPBackend, sdpa_kernel

from pipelines.methods.decomposed import Decomposition, Level  # needs no Paddle
from training.pictures import moving
from training.pictures.sprites import Sprites
from training.train.control import EMBEDDED
from training.train.guided import Base, decode, save_sheet
from training.train.loop import Plan, Training
from training.train.unet import SCHEDULER, UNET, Networks, load_text, optimizers_of
from training.train.video import UNET3D, Pool, spread_timesteps, without_dropout

CHANNELS = UNET["in_channels"]
RESIDUAL = {**UNET3D, "in_channels": 2 * CHANNELS + 1}  # ``Decomposition.residual_planes``
# What is trained, of either network, by parts of the names: all but the convolutions and feed-forward layers inside.
ADAPTED = re.compile(
    r"norm|bias|time_emb|attn|proj_in|proj_out|transformer_in|conv_in|conv_out|"
    r"down_blocks\.0\.|up_blocks\.2\."
)
BATCH, FIRST, FRESH_EVERY = 3, 60, 2  # clips: of a step, before the first one; one new after so many steps
# Of the rate. A step has few base frames, so that their gradients are noisy.
SHARES = {"residual": 1.0, "base": 0.2}
HELD_OUT = 16  # clips on which losses are measured
PREVIEW = [
    "a panda moving left in the snow",
    "a rocket rising in outer space",
    "a balloon bouncing on the grass",
    "a car moving right on a yellow background",
]


class VideoFusion(torch.nn.Module):
    """The base generator and the residual generator, trained together, and the text encoder of both.

    Args:
        image: the networks of the image model, with which the base begins; its text encoder stays as it is.
        share: the paper's lambda.
    """

    def __init__(self, image: Networks, share: float):
        super().__init__()
        self.base, self.text = image.unet, image.text
        self.residual = without_dropout(UNet3DConditionModel(**RESIDUAL))
        for part in (self.base, self.residual):
            for name, weight in part.named_parameters():
                weight.requires_grad_(bool(ADAPTED.search(name)))
        self.register_buffer("share", torch.tensor(share))
        self.parts = Decomposition(torch.tensor, moving.FRAMES, share, moving.FRAMES)

    def begin_residual(self, video: dict[str, torch.Tensor]) -> None:
        """The residual generator as the video UNet whose weights are given, which takes no notice of the base frame."""
        planes = torch.zeros_like(self.residual.conv_in.weight)
        planes[:, :CHANNELS] = video["conv_in.weight"]
        self.residual.load_state_dict({**video, "conv_in.weight": planes})

    def forward(self, latents, timesteps, tokens, level: Level):
        """Latents ``[clips, frames, channels, height, width]`` -> base velocity, residual latents, residual velocity.

        What the residual generator sees has no gradient with respect to the base.
        """
        with torch.autocast("cpu", torch.bfloat16):
            text = self.text(tokens)[0]
            at_base = self.parts.base_of(latents)
            base = self.base(at_base[:, 0], timesteps, encoder_hidden_states=text).sample.float()[:, None]
            seen = self.parts.residual_latents(latents, base.detach(), level)
            planes = torch.cat(self.parts.residual_planes(seen), dim=-3).transpose(1, 2)
            # On a CPU the fused kernel is slow for many short sequences.
            with sdpa_kernel(SDPBackend.MATH):
                residual = self.residual(planes, timesteps, encoder_hidden_states=text).sample
        return base, seen, residual.float().transpose(1, 2)

    def velocity(self, latents, timesteps, tokens, level: Level):
        """The velocity of all frames that both generators predict together."""
        return self.parts.velocity(latents, *self(latents, timesteps, tokens, level), level)


def levels(scheduler: DDIMScheduler, timesteps: torch.Tensor) -> Level:
    """The levels at timesteps, ``[count, 1, 1, 1, 1]``."""
    kept = scheduler.alphas_cumprod[timesteps].reshape(-1, 1, 1, 1, 1)
    return Level(kept.sqrt(), (1 - kept).sqrt())


def noise_like(clean: torch.Tensor, parts: Decomposition, generator: torch.Generator | None = None) -> torch.Tensor:
    """Decomposed noise for clips."""
    base, residual = (torch.randn(like.shape, generator=generator) for like in (parts.base_of(clean), clean))
    return parts.noise(base, residual)


def losses_of(model: VideoFusion, scheduler: DDIMScheduler, clean: torch.Tensor, tokens: torch.Tensor) -> tuple:
    """The losses of base and residual; all frames of a clip have the same timestep."""
    noise, timesteps = noise_like(clean, model.parts), spread_timesteps(len(clean))
    level = levels(scheduler, timesteps)
    base, _, residual = model(level.noised(clean, noise), timesteps, tokens, level)
    return model.parts.velocity_losses(clean, noise, base, residual, level)


class HeldOut(NamedTuple):
    """Mean squared errors on held-out clips, over all noise levels.

    ``base`` and ``residual`` are the losses of the training; ``base_noise`` and ``residual_noise`` those of the paper,
    of predicted noise; ``clean`` is the error of the clean frames but the base frame, which shares can be compared by.
    """

    base: float
    residual: float
    base_noise: float
    residual_noise: float
    clean: float


@torch.no_grad()
def held_out(model: VideoFusion, scheduler: DDIMScheduler, clean: torch.Tensor, tokens: torch.Tensor) -> HeldOut:
    """The errors of a model, always with the same noise."""
    parts = model.parts
    noise = noise_like(clean, parts, torch.Generator().manual_seed(1))
    timesteps = ((torch.arange(len(clean)) + 0.5) * 1000 / len(clean)).long()
    level = levels(scheduler, timesteps)
    latents = level.noised(clean, noise)
    base, seen, residual = model(latents, timesteps, tokens, level)
    velocity = parts.velocity(latents, base, seen, residual, level)
    own_noise = parts.residual_level(level)[0].noise_of(seen, residual)
    of_noise = parts.noise_losses(noise, level.noise_of(parts.base_of(latents), base), own_noise)
    errors = ((level.clean_of(latents, velocity) - clean) ** 2).mean(dim=(0, 2, 3, 4))
    others = [error.item() for frame, error in enumerate(errors) if frame != parts.base_frame]
    of_velocity = parts.velocity_losses(clean, noise, base, residual, level)
    return HeldOut(*map(float, (*of_velocity, *of_noise)), float(np.mean(others)))


class Cases(NamedTuple):
    """Held-out clips, encoded."""

    clean: torch.Tensor
    tokens: torch.Tensor

    @classmethod
    def draw(cls, sprites: Sprites, base: Base) -> Cases:
        rng = np.random.default_rng(2026)
        motions = [moving.sample(rng, for_judge=True) for _ in range(HELD_OUT)]
        clips = (torch.from_numpy(moving.clip(sprites, motion)).permute(0, 3, 1, 2) for motion in motions)
        with torch.no_grad():
            clean = torch.stack([base.latents(clip) for clip in clips]) * base.vae.config.scaling_factor
        return cls(clean, base.tokens([moving.caption(rng, motion) for motion in motions]))


@torch.no_grad()
def generate(
    model: VideoFusion, base: Base, prompts: list[str], seed: int = 0, steps: int = 12, guidance: float = 3.0
) -> list[np.ndarray]:
    """A clip for each prompt, uint8 RGB ``[frames, 128, 128, 3]``, by DDIM."""
    scheduler = DDIMScheduler(**SCHEDULER)
    scheduler.set_timesteps(steps)
    side, frames = UNET["sample_size"], model.parts.frames
    like = torch.empty(len(prompts), frames, CHANNELS, side, side)
    x = noise_like(like, model.parts, torch.Generator().manual_seed(seed))
    tokens = base.tokens([""] * len(prompts) + prompts)
    for t in scheduler.timesteps:
        timesteps = t.repeat(2 * len(prompts))
        velocity = model.velocity(torch.cat([x, x]), timesteps, tokens, levels(scheduler, timesteps))
        without, with_text = velocity.chunk(2)
        x = scheduler.step(without + guidance * (with_text - without), t, x).prev_sample
    return [decode(base, clip) for clip in x]


def preview(model: VideoFusion, base: Base, path: Path) -> None:
    save_sheet([clip[::2] for clip in generate(model, base, PREVIEW)], path)


def begin(share: float, plan: Plan) -> Training:
    """A new training, or the plan's; the text encoder is the embedded text-to-video model's, and stays as it is."""
    image = Networks.load(EMBEDDED)
    image.text = load_text(EMBEDDED / "video").eval().requires_grad_(False)
    model = VideoFusion(image, share).train()
    model.begin_residual(load_file(EMBEDDED / "video/unet/diffusion_pytorch_model.safetensors"))
    optimizers = [
        optimizer for part, portion in SHARES.items() for optimizer in optimizers_of(getattr(model, part), portion)
    ]
    return Training(model, optimizers, plan, average=copy.deepcopy(model).eval())


def train(share: float, sprites: Sprites, out: Path, minutes: float, lr: float) -> None:
    """Trains for ``minutes`` in all; the errors on held-out clips are printed at the end and kept beside the state."""
    base, scheduler = Base.load(EMBEDDED), DDIMScheduler(**SCHEDULER)
    state_file = out / f"video_fusion-{share:g}.pt"
    out.mkdir(parents=True, exist_ok=True)
    training = begin(share, Plan(state_file, minutes, lr, rise=50, every=50))
    torch.manual_seed(training.step)
    pool = Pool(sprites, base.vae, base.encode, seed=training.step)
    pool.add(FIRST)
    for step in training.steps():
        if step % FRESH_EVERY == 0:
            pool.add(1)
        clean, tokens, _ = pool.draw(BATCH, shrink=1)
        of_base, of_residual = losses_of(training.model, scheduler, clean, tokens)
        training.advance(base=of_base, residual=of_residual)
    errors = held_out(training.average, scheduler, *Cases.draw(sprites, base))._asdict()
    state_file.with_suffix(".json").write_text(json.dumps({"steps": training.step, **errors}) + "\n")
    print(f"{training.step} steps, errors on held-out clips: {errors}")
    preview(training.average, base, state_file.with_suffix(".png"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sprites", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument(
        "--lambda", dest="share", type=float, default=0.5, help="part of the noise variance that all frames share"
    )
    parser.add_argument("--minutes", type=float, default=40)
    parser.add_argument("--lr", type=float, default=0.004, help="peak rate of Muon; AdamW's is a tenth of it")
    args = parser.parse_args()
    train(args.share, Sprites(args.sprites), args.out, args.minutes, args.lr)


if __name__ == "__main__":
    main()
