"""Trains the embedded model's autoencoder (PyTorch; the package itself never needs it).

    python -m training.train.vae SPRITES OUT --minutes 25

Resumable: run the same command again. OUT/vae is a diffusers folder, OUT/vae.pt the state to go on from.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL

from training.pictures.sprites import Sprites, sample
from training.train.loop import Plan, Training

LATENT_NOISE = 0.05


def build() -> AutoencoderKL:
    """The autoencoder: 128x128x3 -> 32x32x4."""
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=(32, 64, 96),
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=8,
        sample_size=128,
    )


def pictures(sprites: Sprites, rng: np.random.Generator, count: int) -> torch.Tensor:
    """Fresh compositions, ``[count, 3, 128, 128]`` in -1..1."""
    batch = np.stack([sprites.compose(sample(rng))[0] for _ in range(count)])
    return torch.from_numpy(batch).permute(0, 3, 1, 2) * 2 - 1


def crops(batch: torch.Tensor, rng: np.random.Generator, side: int) -> torch.Tensor:
    """One random square of each picture: four times the steps for the same time."""
    corners = rng.integers(0, 128 - side + 1, size=(len(batch), 2))
    return torch.stack([p[:, y : y + side, x : x + side] for p, (y, x) in zip(batch, corners)])


def loss_of(model: AutoencoderKL, x: torch.Tensor) -> torch.Tensor:
    """Reconstruction from the noised mean: L1, L2, gradients and a blurred L1, and a pull of the latents to zero.

    Sampling the posterior from the start stalls below 19 dB (its variance begins near 1).
    """
    mean = model.encode(x).latent_dist.mean
    out = model.decode(mean + LATENT_NOISE * torch.randn_like(mean)).sample.float()
    error = out - x
    gradients = sum((error.diff(dim=axis)).abs().mean() for axis in (2, 3))
    blurred = F.avg_pool2d(error, 4).abs().mean()
    return error.abs().mean() + 2 * error.square().mean() + gradients + blurred + 1e-3 * mean.square().mean()


@torch.no_grad()
def psnr(model: AutoencoderKL, sprites: Sprites, count: int = 64) -> float:
    """Mean PSNR in dB over fresh 128x128 compositions, float32, clamped to the valid range."""
    x = pictures(sprites, np.random.default_rng(2024), count)
    out = torch.cat([model.decode(model.encode(part).latent_dist.mean).sample for part in x.split(16)])
    mse = ((out.clamp(-1, 1) - x) / 2).square().mean(dim=(1, 2, 3))
    return (-10 * mse.log10()).mean().item()


@torch.no_grad()
def freeze_posterior(model: AutoencoderKL) -> None:
    """Makes ``.sample()`` stay as close to the mean as the decoder was trained for."""
    channels = model.config.latent_channels
    model.quant_conv.weight[channels:] = 0
    model.quant_conv.bias[channels:] = 2 * math.log(LATENT_NOISE)


@torch.no_grad()
def finish(model: AutoencoderKL, sprites: Sprites, out: Path) -> None:
    """Sets the posterior and the scaling factor (1 / std of the latents), measures, and saves."""
    freeze_posterior(model)
    x = pictures(sprites, np.random.default_rng(5), 256)
    z = torch.cat([model.encode(part).latent_dist.mean for part in x.split(16)])
    model.register_to_config(scaling_factor=1 / z.std().item())
    print(
        f"latents: std {z.std():.3f}, per channel {z.std(dim=(0, 2, 3)).tolist()}, "
        f"mean {z.mean(dim=(0, 2, 3)).tolist()}"
    )
    print(f"PSNR on 64 fresh compositions: {psnr(model, sprites):.2f} dB")
    model.save_pretrained(out / "vae")


def train(sprites: Sprites, out: Path, minutes: float, lr: float) -> AutoencoderKL:
    """Trains for ``minutes`` in all, with a cosine schedule over that time; crops first, whole pictures last."""
    torch.manual_seed(0)
    model = build()
    groups = [{"params": list(model.parameters()), "share": 1.0}]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.99), weight_decay=1e-3)
    training = Training(model, [optimizer], Plan(out / "vae.pt", minutes, lr, rise=200, every=250))
    rng = np.random.default_rng(training.step)
    for _ in training.steps():
        side, count = (64, 16) if training.done < 0.85 else (128, 4)
        x = crops(pictures(sprites, rng, count), rng, side)
        with torch.autocast("cpu", torch.bfloat16):
            loss = loss_of(model, x)
        training.advance(loss=loss)
        if training.reporting:
            print(f"PSNR {psnr(model, sprites, 16):.2f} dB", flush=True)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sprites", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=25)
    parser.add_argument("--lr", type=float, default=1e-3)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    sprites = Sprites(args.sprites)
    finish(train(sprites, args.out, args.minutes, args.lr).float(), sprites, args.out)


if __name__ == "__main__":
    main()
