"""What the trainings of the guided modes share: examples, their pool, and the loop (PyTorch).

A guided model paints a picture after a caption and a second picture: a control map, or the picture to edit.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, DDIMScheduler
from PIL import Image

from training.pictures.scenes import Example
from training.train import tokenizer
from training.train.loop import Plan, Training
from training.train.muon import Muon
from training.train.unet import Networks, adamw

FRESH, BATCH = 2, 24
EDGES = ("embed", "conv_in", "conv_out", "controlnet_")  # parts of the names of what AdamW trains
FIRST = 480  # examples before the first step

Draw = Callable[[np.random.Generator], Example]


@dataclass(frozen=True)
class Base:
    """The embedded model's parts that stay as they are."""

    networks: Networks
    vae: AutoencoderKL
    encode: Callable[[list[str]], list[list[int]]]

    @classmethod
    def load(cls, folder: Path) -> Base:
        vae = AutoencoderKL.from_pretrained(folder / "vae").eval()
        networks = Networks.load(folder).eval().requires_grad_(False)
        return cls(networks, vae.requires_grad_(False), tokenizer.load(folder / "tokenizer"))

    def tokens(self, captions: list[str]) -> torch.Tensor:
        return torch.tensor(self.encode(captions))

    def latents(self, pictures: torch.Tensor) -> torch.Tensor:
        """Pictures ``[count, 3, 128, 128]`` in 0..1 -> means of their latents, not scaled."""
        with torch.autocast("cpu", torch.bfloat16):
            return self.vae.encode(pictures * 2 - 1).latent_dist.mean.float()


class Guided(torch.nn.Module):
    """A model to train: ``forward`` predicts the velocity, ``prepare`` makes its inputs of what is given."""

    schedule: dict
    share: float  # of the learning rate, which is Muon's: AdamW's
    haste = 1.0  # of the input layer, see ``optimizers_of``

    def prepare(self, given: torch.Tensor) -> torch.Tensor:
        """uint8 ``[count, 3, 128, 128]`` -> what is stored in the pool."""
        raise NotImplementedError

    def trained(self) -> torch.nn.Module:
        """The part whose weights change."""
        raise NotImplementedError

    def drop(self, tokens: torch.Tensor, given: torch.Tensor, empty: torch.Tensor) -> tuple:
        """Leaves out captions and what is given, as guidance without a classifier needs it."""
        raise NotImplementedError


class Pool:
    """Encoded examples; some fresh ones at every step, the oldest dropped."""

    def __init__(self, draw: Draw, base: Base, model: Guided, seed: int, size: int = 6000):
        self.draw_one, self.base, self.model, self.size = draw, base, model, size
        self.rng = np.random.default_rng(seed)
        self.rows: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []
        self.count = 0

    @torch.no_grad()
    def add(self, count: int) -> None:
        """Draws and encodes ``count`` examples."""
        examples = [self.draw_one(self.rng) for _ in range(count)]
        pictures = torch.from_numpy(np.stack([e.picture for e in examples])).permute(0, 3, 1, 2)
        given = torch.from_numpy(np.stack([e.given for e in examples])).permute(0, 3, 1, 2)
        latents = self.base.latents(pictures) * self.base.vae.config.scaling_factor
        rows = list(zip(latents, self.base.tokens([e.caption for e in examples]), self.model.prepare(given)))
        for row in rows:
            if len(self.rows) < self.size:
                self.rows.append(row)
            else:
                self.rows[self.count % self.size] = row
            self.count += 1

    def draw(self, count: int) -> list[torch.Tensor]:
        """Latents, tokens and what is given of ``count`` examples."""
        chosen = self.rng.integers(0, len(self.rows), size=count)
        return [torch.stack(part) for part in zip(*(self.rows[i] for i in chosen))]


def optimizers_of(model: Guided) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the network, AdamW for the rest, ``haste`` times as fast at the input."""
    weights = dict(model.trained().named_parameters())
    inner = [w for name, w in weights.items() if w.ndim >= 2 and not any(edge in name for edge in EDGES)]
    entry = [weight for name, weight in weights.items() if name.endswith("unet.conv_in.weight")]
    chosen = {id(weight) for weight in inner + entry}
    rest = [weight for weight in weights.values() if id(weight) not in chosen]
    parts = (rest, model.share), (entry, model.share * model.haste)
    groups = [{"params": part, "share": share} for part, share in parts if part]
    return [Muon([{"params": inner, "share": 1.0}]), adamw(groups)]


def loss_of(model: Guided, scheduler: DDIMScheduler, latents, tokens, given) -> torch.Tensor:
    """Mean squared error of the predicted velocity (arXiv 2202.00512) at timesteps drawn evenly over the batch."""
    noise, count = torch.randn_like(latents), len(latents)
    timesteps = ((torch.arange(count) + torch.rand(count)) * 1000 / count).long().clamp(0, 999)
    noisy = scheduler.add_noise(latents, noise, timesteps)
    with torch.autocast("cpu", torch.bfloat16):
        predicted = model(noisy, timesteps, tokens, given)
    return F.mse_loss(predicted.float(), scheduler.get_velocity(latents, noise, timesteps))


def train(model: Guided, base: Base, draw: Draw, plan: Plan, preview: Callable[[Guided, Path], None]) -> Guided:
    """Trains with a cosine schedule over the plan's time and returns the average of the weights."""
    plan.file.parent.mkdir(parents=True, exist_ok=True)
    average, scheduler = copy.deepcopy(model).eval(), DDIMScheduler(**model.schedule)
    training = Training(model.trained(), optimizers_of(model), plan, average=average.trained(), decay=0.998)
    pool, empty = Pool(draw, base, model, seed=training.step), base.tokens([""])
    while pool.count < FIRST:
        pool.add(20)
    for _ in training.steps():
        pool.add(FRESH)
        latents, tokens, given = pool.draw(BATCH)
        training.advance(loss=loss_of(model, scheduler, latents, *model.drop(tokens, given, empty)))
        if training.step % 200 == 0:
            preview(average, plan.file.with_name(f"{plan.file.stem}-{training.step}.png"))
    preview(average, plan.file.with_name(f"{plan.file.stem}-final.png"))
    return average


@torch.no_grad()
def decode(base: Base, latents: torch.Tensor) -> np.ndarray:
    """Latents -> uint8 RGB ``[count, 128, 128, 3]``."""
    with torch.autocast("cpu", torch.bfloat16):
        pictures = base.vae.decode(latents / base.vae.config.scaling_factor).sample.float()
    return ((pictures / 2 + 0.5).clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()


def save_sheet(rows: list[np.ndarray], path: Path) -> None:
    """Rows of pictures ``[count, 128, 128, 3]``, one below the other, as one PNG."""
    Image.fromarray(np.concatenate([np.concatenate(list(row), axis=1) for row in rows])).save(path)
