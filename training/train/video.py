"""Trains the embedded text-to-video model from the embedded image model (PyTorch).

    python -m training.train.video SPRITES OUT --minutes 60

Resumable: run the same command again. OUT/video.pt is the state; ``export.video`` makes the model folder of it.
"""

from __future__ import annotations

import argparse
import copy
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, DDIMScheduler, UNet3DConditionModel
from PIL import Image
from safetensors.torch import load_file
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import CLIPTextConfig, CLIPTextModel

from training.pictures import moving
from training.pictures.sprites import Sprites
from training.train import motion_text
from training.train.control import EMBEDDED
from training.train.guided import Base, decode
from training.train.loop import Plan, Training
from training.train.muon import Muon
from training.train.unet import ADAMW_SHARE, EMPTY_CAPTIONS, SCHEDULER, TEXT, UNET, Networks, adamw

UNET3D = {
    "sample_size": 32,
    "in_channels": 4,
    "out_channels": 4,
    "block_out_channels": UNET["block_out_channels"],
    "down_block_types": ("DownBlock3D", "DownBlock3D", "CrossAttnDownBlock3D"),
    "up_block_types": ("CrossAttnUpBlock3D", "UpBlock3D", "UpBlock3D"),
    "layers_per_block": 1,
    "norm_num_groups": UNET["norm_num_groups"],
    "cross_attention_dim": 128,
    # The width of a head (the image model's 4 is the number of its heads): half of the image model's, since it also
    # sets the width of the transformer before the first level, the most expensive part.
    "attention_head_dim": 20,
}
POOL, FIRST = 600, 60  # encoded clips that are kept, and those before the first step
# In the first part of the time clips of half the height and width, which are cheaper, teach it how a subject moves.
HALF_BATCH, HALF_SHARE, BATCH = 6, 0.35, 3
INHERITED_SHARE = 0.2  # of the rate of the layers over the frames, for what the image model has learned
TRACKING = 0.3  # weight of the trackers' loss


def without_dropout(unet: UNet3DConditionModel) -> UNet3DConditionModel:
    """The same UNet; every clip is fresh, and there is nothing to overfit."""
    for module in unet.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return unet


class VideoNetworks(torch.nn.Module):
    """The video UNet, which is trained, its trackers, and the text encoder."""

    def __init__(self):
        super().__init__()
        self.unet = without_dropout(UNet3DConditionModel(**UNET3D))
        self.text = CLIPTextModel(CLIPTextConfig(**TEXT))
        self.trackers = Trackers(self.unet)

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
            if (name.endswith(".proj_out") and "temp" in name) or name == "transformer_in.proj_out":
                torch.nn.init.zeros_(module.weight)
                torch.nn.init.zeros_(module.bias)
        return networks


class Trackers(torch.nn.Module):
    """Tell from features inside the UNet where the subject is in each frame; only the training has them.

    The UNet has no frame position but what its convolutions make of the clip's ends, and the error of noisy frames says
    little about a motion. Supervision of inner layers (arXiv 1409.5185) says it directly.
    """

    def __init__(self, unet: UNet3DConditionModel):
        super().__init__()
        *_, middle, deepest = unet.config.block_out_channels
        parts = [(unet.mid_block, deepest), (unet.up_blocks[1], middle)]
        self.heads = torch.nn.ModuleList(torch.nn.Linear(width, 2) for _, width in parts)
        self._features: dict[int, torch.Tensor] = {}
        for index, (part, _) in enumerate(parts):
            part.register_forward_hook(partial(self._keep, index))

    def _keep(self, index: int, _part: torch.nn.Module, _given: tuple, output: torch.Tensor) -> None:
        self._features[index] = output

    def loss(self, offsets: torch.Tensor) -> torch.Tensor:
        """Mean squared error, after a forward of the UNet, against ``offsets`` ``[clips, frames, 2]``."""
        means = [self._features[index].float().mean((2, 3)) for index in range(len(self.heads))]
        return sum(F.mse_loss(head(each).view_as(offsets), offsets) for head, each in zip(self.heads, means))


def offsets_of(motion: moving.Motion) -> torch.Tensor:
    """``[frames, 2]``: how far the subject is from its mean place, (x, y) in units of 16 pixels."""
    places = [motion.at(moment) for moment in np.linspace(0, 1, moving.FRAMES)]
    centres = torch.tensor([[place.x, place.y] for place in places]) / 16
    return centres - centres.mean(dim=0)


class Pool:
    """Encoded clips with their captions: a fresh one at every step, the oldest dropped."""

    def __init__(self, sprites: Sprites, vae: AutoencoderKL, encode, seed: int):
        self.sprites, self.vae, self.encode = sprites, vae, encode
        self.rng = np.random.default_rng(seed)
        self.latents = torch.empty(POOL, moving.FRAMES, 4, 32, 32)
        self.tokens = torch.empty(POOL, len(encode([""])[0]), dtype=torch.long)
        self.offsets = torch.empty(POOL, moving.FRAMES, 2)
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
            self.offsets[place] = offsets_of(motion)
            self.count += 1

    def draw(self, count: int, shrink: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Latents ``[count, frames, 4, 32 / shrink, 32 / shrink]``, tokens, some of them left out, and offsets."""
        rows = torch.from_numpy(self.rng.integers(0, min(self.count, POOL), size=count))
        latents = F.avg_pool3d(self.latents[rows], (1, shrink, shrink))
        left_out = torch.from_numpy(self.rng.random(count) < EMPTY_CAPTIONS)
        empty = torch.tensor(self.encode([""])[0])
        return latents, torch.where(left_out[:, None], empty, self.tokens[rows]), self.offsets[rows]


def spread_timesteps(count: int) -> torch.Tensor:
    """Timesteps drawn at random, spread over the schedule; more of the noisy ones, where the motion is decided."""
    return (((torch.randperm(count) + torch.rand(count)) / count).sqrt() * 1000).long().clamp(0, 999)


def losses_of(
    model: VideoNetworks, scheduler: DDIMScheduler, latents: torch.Tensor, tokens: torch.Tensor, offsets: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean squared error of the predicted velocity (arXiv 2202.00512), and the trackers'.

    All frames of a clip have the same timestep.
    """
    noise, timesteps = torch.randn_like(latents), spread_timesteps(len(latents))
    # PyTorch's flash attention is slow on a CPU where sequences are as short as a clip.
    with torch.autocast("cpu", torch.bfloat16), sdpa_kernel(SDPBackend.MATH):
        predicted = model(scheduler.add_noise(latents, noise, timesteps), timesteps, tokens)
    error = F.mse_loss(predicted.float(), scheduler.get_velocity(latents, noise, timesteps))
    return error, model.trackers.loss(offsets)


PREVIEW = [
    "a panda moving left in the snow",
    "a rocket rising in outer space",
    "a balloon bouncing on the grass",
    "a car moving right in the desert",
    "a fox falling on a purple background",
]


@torch.no_grad()
def generate(
    model: VideoNetworks, base: Base, prompts: list[str], seed: int = 0, steps: int = 20, guidance: float = 4.0
) -> np.ndarray:
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


def optimizers_of(model: VideoNetworks) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside, those over the frames and the inherited ones apart; AdamW for the rest."""
    edges = ("embed", "conv_in", "conv_out", "trackers")
    trained = [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]
    inner = [(name, weight) for name, weight in trained if weight.ndim >= 2 and not any(e in name for e in edges)]
    over_frames = [w for name, w in inner if "temp_" in name or "transformer_in" in name]
    inherited = [w for name, w in inner if not ("temp_" in name or "transformer_in" in name)]
    chosen = {id(weight) for _, weight in inner}
    rest = [weight for _, weight in trained if id(weight) not in chosen]
    matrices = (over_frames, 1.0), (inherited, INHERITED_SHARE)
    muons = [Muon([{"params": part, "share": share}]) for part, share in matrices]
    return [*muons, adamw([{"params": rest, "share": ADAMW_SHARE}])]


def begin(base: Base, out: Path, plan: Plan, start: Path | None) -> Training:
    """A new training, from the image model or from the UNet that ``export.video`` wrote to ``start``, or the plan's."""
    model = VideoNetworks.inflate(base.networks).train()
    if start:
        model.unet.load_state_dict(load_file(start / "unet/diffusion_pytorch_model.safetensors"))
    model.text = motion_text.load(base, out)
    return Training(model, optimizers_of(model), plan, average=copy.deepcopy(model).eval())


def train(sprites: Sprites, out: Path, minutes: float, lr: float, start: Path | None) -> None:
    """Trains for ``minutes`` in all with a cosine schedule over that time; keeps an average of the weights."""
    torch.manual_seed(0)
    base, scheduler = Base.load(EMBEDDED), DDIMScheduler(**SCHEDULER)
    training = begin(base, out, Plan(out / "video.pt", minutes, lr, rise=30, every=50), start)
    torch.manual_seed(training.step)
    pool = Pool(sprites, base.vae, base.encode, seed=training.step)
    pool.add(FIRST)
    for _ in training.steps():
        pool.add(1)
        drawn = pool.draw(HALF_BATCH, shrink=2) if training.done < HALF_SHARE else pool.draw(BATCH, shrink=1)
        error, tracking = losses_of(training.model, scheduler, *drawn)
        training.advance(loss=error, trackers=TRACKING * tracking)
        if training.step % 300 == 0:
            preview(training.average, base, out / f"video-{training.step}.png")
    preview(training.average, base, out / "video-final.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sprites", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=float, default=0.008, help="peak rate of Muon over the frames")
    parser.add_argument("--start", type=Path, help="a folder that export.video made, whose UNet to begin with")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    train(Sprites(args.sprites), args.out, args.minutes, args.rate, args.start)


if __name__ == "__main__":
    main()
