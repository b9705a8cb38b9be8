"""Trains motion modules (AnimateDiff, arXiv 2307.04725) for the embedded image model (PyTorch).

    python -m training.train.motion_modules SPRITES OUT --minutes 30

The image model stays as it is, and so does the text encoder, that of the embedded text-to-video model, to which "left"
and "right" are not the same. Where noise hides how a subject moves, the modules learn from what that model predicts:
it knows what of the clip can be known. Resumable: run the same command again. OUT/motion_modules.pt is the state;
``export.motion_modules`` makes the folder of it.
"""

from __future__ import annotations

import argparse
import copy
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import DDIMScheduler, MotionAdapter, UNet2DConditionModel, UNet3DConditionModel
from safetensors.torch import load_file
from torch.nn.attention import SDPBackend, sdpa_kernel

from training.pictures import moving
from training.pictures.sprites import Sprites
from training.train import video
from training.train.control import EMBEDDED
from training.train.guided import Base, decode, save_sheet
from training.train.loop import Plan, Training
from training.train.unet import ADAMW_SHARE, SCHEDULER, UNET, adamw, load_text, optimizers_of

CONFIG = {
    "block_out_channels": UNET["block_out_channels"],
    "motion_layers_per_block": UNET["layers_per_block"],
    "motion_num_attention_heads": 8,  # those of the text-to-video model at the lowest level
    "motion_norm_num_groups": UNET["norm_num_groups"],
    "motion_max_seq_length": moving.FRAMES,
    "use_motion_mid_block": True,
}
MODULES = "adapter."  # in front of their names in the state of a training
# The modules that do something: those of the lowest level and of the next on the way up. All the others together would
# double the time of a step, and where a subject is is decided below them.
USED = ("down_blocks.2", "mid_block", "up_blocks.0", "up_blocks.1")
BATCH, FRAMES = 2, 8  # clips of a step; frames of each, drawn at random
FIRST_CLIPS, FIRST_EXAMPLES = 120, 40  # before the first step
CLIP_EVERY, EXAMPLE_EVERY, KEPT = 4, 2, 400  # steps from a fresh one to the next; examples that are kept
TAUGHT_FROM = 400  # timestep; with less noise the clip itself tells more than the text-to-video model


class MotionUNet(torch.nn.Module):
    """The image model's UNet, frozen, with motion modules between its layers."""

    def __init__(self, unet: UNet2DConditionModel):
        super().__init__()
        self.unet, self.adapter = unet.requires_grad_(False), MotionAdapter(**CONFIG).requires_grad_(False)
        self._places = torch.arange(moving.FRAMES)
        for weight in self.adapter.parameters():
            torch.nn.init.zeros_(weight)
        for name in USED:
            block, modules = unet.get_submodule(name), self.adapter.get_submodule(name).motion_modules
            for layer, module in zip(getattr(block, "attentions", block.resnets), modules):
                self._insert(layer, module)
        self.trackers = video.Trackers(unet)

    def _insert(self, layer: torch.nn.Module, module: torch.nn.Module) -> None:
        """Puts a fresh module after a layer; it is to be trained."""
        for part in module.modules():
            if hasattr(part, "reset_parameters"):
                part.reset_parameters()
        torch.nn.init.zeros_(module.proj_out.weight)
        torch.nn.init.zeros_(module.proj_out.bias)
        module.requires_grad_(True)
        layer.register_forward_hook(partial(self._follow, module))
        for block in module.transformer_blocks:
            block.pos_embed.register_forward_hook(self._in_place)

    def _follow(self, module: torch.nn.Module, _layer: torch.nn.Module, _given: tuple, output):
        if isinstance(output, tuple):
            return (module(output[0], num_frames=len(self._places)),)
        return module(output, num_frames=len(self._places))

    def _in_place(self, positions: torch.nn.Module, given: tuple, _output: torch.Tensor) -> torch.Tensor:
        return given[0] + positions.pe[:, self._places]

    def forward(self, latents, timesteps, text, places: torch.Tensor):
        """``[clips, frames, 4, 32, 32]`` -> the velocity, of the same shape; ``places``: which frames of a clip."""
        self._places, count = places, len(places)
        flat = self.unet(
            latents.flatten(0, 1),
            timesteps.repeat_interleave(count),
            encoder_hidden_states=text.repeat_interleave(count, 0),
        )
        return flat.sample.view_as(latents)

    @classmethod
    def begin(cls, base: Base, teacher: UNet3DConditionModel) -> MotionUNet:
        """Modules that begin as the teacher's attention over the frames where it has such, else adding nothing."""
        motion = cls(base.networks.unet)
        for name in USED:
            known = getattr(teacher.get_submodule(name), "temp_attentions", ())
            for module, own in zip(motion.adapter.get_submodule(name).motion_modules, known):
                module.load_state_dict(own.state_dict(), strict=False)  # all but the frames' places
        return motion


class Example(NamedTuple):
    """A noisy clip and what the modules are to predict for it.

    Args:
        noisy: ``[frames, 4, 32, 32]``.
        timestep: 0..999.
        text: ``[tokens, 128]``, encoded.
        wanted: the velocity, like ``noisy``.
        offsets: ``[frames, 2]``, see ``video.offsets_of``.
    """

    noisy: torch.Tensor
    timestep: torch.Tensor
    text: torch.Tensor
    wanted: torch.Tensor
    offsets: torch.Tensor


class Examples:
    """Examples of clips, which are costly; the last ones are kept and used with other frames of them."""

    def __init__(self, pool: video.Pool, teacher: UNet3DConditionModel):
        self.pool, self.teacher = pool, teacher
        self.text = load_text(EMBEDDED / "video").eval().requires_grad_(False)
        self.scheduler = DDIMScheduler(**SCHEDULER)
        self.kept: list[Example] = []
        self.count = 0

    @torch.no_grad()
    def add(self, count: int) -> None:
        """Makes that many, in place of the oldest."""
        clean, tokens, offsets = self.pool.draw(count, shrink=1)
        noise, timesteps = torch.randn_like(clean), timesteps_of(count)
        noisy, text = self.scheduler.add_noise(clean, noise, timesteps), self.text(tokens)[0]
        wanted = self.scheduler.get_velocity(clean, noise, timesteps)
        taught = timesteps >= TAUGHT_FROM
        if taught.any():
            with torch.autocast("cpu", torch.bfloat16), sdpa_kernel(SDPBackend.MATH):
                given = noisy[taught].transpose(1, 2), timesteps[taught]
                known = self.teacher(*given, encoder_hidden_states=text[taught]).sample.transpose(1, 2)
            wanted[taught] = known.float()
        for example in map(Example._make, zip(noisy, timesteps, text, wanted, offsets)):
            place = self.count % KEPT
            self.kept[place : place + 1] = [example]
            self.count += 1

    def draw(self, count: int) -> Example:
        """Some of those kept, stacked."""
        chosen = self.pool.rng.integers(0, len(self.kept), size=count)
        return Example(*(torch.stack(part) for part in zip(*(self.kept[number] for number in chosen))))


def timesteps_of(count: int) -> torch.Tensor:
    """Timesteps drawn at random, spread over the schedule; most of them noisy ones, where the motion is decided."""
    return (((torch.randperm(count) + torch.rand(count)) / count) ** (1 / 3) * 1000).long().clamp(0, 999)


def losses_of(model: MotionUNet, example: Example, places: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean squared error of the predicted velocity (arXiv 2202.00512) in these frames, and the trackers'."""
    # PyTorch's flash attention is slow on a CPU where sequences are as short as a clip.
    with torch.autocast("cpu", torch.bfloat16), sdpa_kernel(SDPBackend.MATH):
        predicted = model(example.noisy[:, places], example.timestep, example.text, places)
    return F.mse_loss(predicted.float(), example.wanted[:, places]), model.trackers.loss(example.offsets[:, places])


@torch.no_grad()
def generate(
    model: MotionUNet, base: Base, text, prompts: list[str], seed: int = 0, steps: int = 20, guidance: float = 4.0
) -> np.ndarray:
    """Clips for the prompts, uint8 RGB ``[count, frames, 128, 128, 3]``."""
    scheduler = DDIMScheduler(**SCHEDULER)
    scheduler.set_timesteps(steps)
    places = torch.arange(moving.FRAMES)
    x = torch.randn(len(prompts), moving.FRAMES, 4, 32, 32, generator=torch.Generator().manual_seed(seed))
    texts = text(base.tokens([""] * len(prompts) + prompts))[0]
    for t in scheduler.timesteps:
        with torch.autocast("cpu", torch.bfloat16), sdpa_kernel(SDPBackend.MATH):
            both = model(torch.cat([x, x]), t.expand(2 * len(x)), texts, places)
        without, with_text = both.float().chunk(2)
        x = scheduler.step(without + guidance * (with_text - without), t, x).prev_sample
    return np.stack([decode(base, each) for each in x])


def load_teacher() -> UNet3DConditionModel:
    """The embedded text-to-video model's UNet."""
    teacher = video.without_dropout(UNet3DConditionModel(**video.UNET3D)).eval().requires_grad_(False)
    teacher.load_state_dict(load_file(EMBEDDED / "video/unet/diffusion_pytorch_model.safetensors"))
    return teacher


def train(sprites: Sprites, out: Path, minutes: float, rate: float) -> None:
    """Trains for ``minutes`` in all with a cosine schedule over that time; keeps an average of the weights."""
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    base, teacher = Base.load(EMBEDDED), load_teacher()
    model = MotionUNet.begin(base, teacher)
    plan = Plan(out / "motion_modules.pt", minutes, rate, rise=30, every=20)
    heads = adamw([{"params": list(model.trackers.parameters()), "share": ADAMW_SHARE}])
    optimizers = [*optimizers_of(model.adapter), heads]
    training = Training(model, optimizers, plan, average=copy.deepcopy(model).eval(), decay=0.995)
    torch.manual_seed(training.step)
    pool = video.Pool(sprites, base.vae, base.encode, seed=training.step)
    pool.add(FIRST_CLIPS)
    examples = Examples(pool, teacher)
    for _ in range(FIRST_EXAMPLES // 4):
        examples.add(4)
    for step in training.steps():
        if step % CLIP_EVERY == 0:
            pool.add(1)
        if step % (4 * EXAMPLE_EVERY) == 0:
            examples.add(4)
        places = torch.from_numpy(np.sort(pool.rng.permutation(moving.FRAMES)[:FRAMES]))
        error, tracking = losses_of(model, examples.draw(BATCH), places)
        training.advance(loss=error, trackers=video.TRACKING * tracking)
    sheet = generate(training.average, base, examples.text, video.PREVIEW)
    save_sheet([clip[::2] for clip in sheet], out / "motion_modules.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sprites", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=float, default=0.008, help="peak rate of Muon; AdamW's is a tenth of it")
    args = parser.parse_args()
    train(Sprites(args.sprites), args.out, args.minutes, args.rate)


if __name__ == "__main__":
    main()
