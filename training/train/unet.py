"""Trains the embedded model's UNet and text encoder on the trained autoencoder (PyTorch).

    python -m training.train.unet SPRITES OUT --words WORDS.json --minutes 120

Resumable: run the same command again. OUT must hold the folder ``vae``; ``export.image`` makes the model folder of the
result.
"""

from __future__ import annotations

import argparse
import copy
import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from PIL import Image
from safetensors.torch import load_file
from transformers import CLIPTextConfig, CLIPTextModel

from training.pictures.sprites import Sprites, caption, sample
from training.train import tokenizer
from training.train.loop import Plan, Training
from training.train.muon import Muon

SCHEDULER = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    # With noise left over at the end (as in Stable Diffusion) plain backgrounds come out in the average colour.
    "rescale_betas_zero_snr": True,
    "timestep_spacing": "trailing",
    "prediction_type": "v_prediction",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
}
UNET = {
    "sample_size": 32,
    "in_channels": 4,
    "out_channels": 4,
    "block_out_channels": (48, 112, 160),
    "down_block_types": ("DownBlock2D", "DownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
    "layers_per_block": 1,
    "attention_head_dim": 4,
    "norm_num_groups": 16,
    "cross_attention_dim": 128,
}
TEXT = {
    "vocab_size": tokenizer.VOCABULARY,
    "hidden_size": 128,
    "intermediate_size": 512,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": tokenizer.LENGTH,
    "projection_dim": 128,
    "hidden_act": "quick_gelu",
    "bos_token_id": tokenizer.VOCABULARY - 2,
    "eos_token_id": tokenizer.VOCABULARY - 1,
    "pad_token_id": tokenizer.VOCABULARY - 1,
}
POOL, FRESH, BATCH = 12000, 4, 24
EMPTY_CAPTIONS = 0.1
ADAMW_SHARE = 0.1  # of the learning rate, which is Muon's


def load_text(folder: Path) -> CLIPTextModel:
    """The text encoder that ``export.image`` wrote to ``folder``."""
    model = CLIPTextModel(CLIPTextConfig(**TEXT))
    state = load_file(folder / "text_encoder/model.safetensors")
    own = {name.removeprefix("text_model."): name for name in model.state_dict()}
    model.load_state_dict({own[name.removeprefix("text_model.")]: state[name] for name in state})
    return model


class Networks(torch.nn.Module):
    """The UNet and the text encoder, trained together."""

    def __init__(self):
        super().__init__()
        self.unet = UNet2DConditionModel(**UNET)
        self.text = CLIPTextModel(CLIPTextConfig(**TEXT))

    def forward(self, latents, timesteps, tokens):
        return self.unet(latents, timesteps, encoder_hidden_states=self.text(tokens)[0]).sample

    @classmethod
    def load(cls, folder: Path) -> Networks:
        """The networks with the weights that ``export.image`` wrote to ``folder``."""
        networks = cls()
        networks.unet.load_state_dict(load_file(folder / "unet/diffusion_pytorch_model.safetensors"))
        networks.text = load_text(folder)
        return networks


class Pool:
    """Encoded compositions with their captions: some fresh ones at every step, the oldest dropped."""

    def __init__(self, sprites: Sprites, vae: AutoencoderKL, encode, seed: int):
        self.sprites, self.vae, self.encode = sprites, vae, encode
        self.rng = np.random.default_rng(seed)
        self.latents = torch.empty(POOL, 4, 32, 32)
        self.tokens = torch.empty(POOL, tokenizer.LENGTH, dtype=torch.long)
        self.count = 0

    @torch.no_grad()
    def add(self, count: int) -> None:
        made = [sample(self.rng) for _ in range(count)]
        pictures = torch.from_numpy(np.stack([self.sprites.compose(m)[0] for m in made])).permute(0, 3, 1, 2) * 2 - 1
        with torch.autocast("cpu", torch.bfloat16):
            latents = self.vae.encode(pictures).latent_dist.mean.float() * self.vae.config.scaling_factor
        captions = ["" if self.rng.random() < EMPTY_CAPTIONS else caption(self.rng, m.subject, m.place) for m in made]
        places = [(self.count + i) % POOL for i in range(count)]
        self.latents[places], self.tokens[places] = latents, torch.tensor(self.encode(captions))
        self.count += count

    def draw(self, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        rows = torch.from_numpy(self.rng.integers(0, min(self.count, POOL), size=count))
        return self.latents[rows], self.tokens[rows]


def loss_of(model: Networks, scheduler: DDIMScheduler, latents: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """Mean squared error of the predicted velocity (arXiv 2202.00512) at timesteps drawn evenly over the batch."""
    noise = torch.randn_like(latents)
    count = len(latents)
    timesteps = ((torch.arange(count) + torch.rand(count)) * 1000 / count).long().clamp(0, 999)
    noisy = scheduler.add_noise(latents, noise, timesteps)
    with torch.autocast("cpu", torch.bfloat16):
        predicted = model(noisy, timesteps, tokens)
    return F.mse_loss(predicted.float(), scheduler.get_velocity(latents, noise, timesteps))


@torch.no_grad()
def generate(model: Networks, vae, encode, prompts: list[str], seed: int = 0, steps: int = 25, guidance: float = 3.0):
    """Pictures for the prompts, uint8 RGB ``[count, 128, 128, 3]``."""
    scheduler = DDIMScheduler(**SCHEDULER)
    scheduler.set_timesteps(steps)
    x = torch.randn(len(prompts), 4, 32, 32, generator=torch.Generator().manual_seed(seed))
    tokens = torch.tensor(encode([""] * len(prompts) + prompts))
    with torch.autocast("cpu", torch.bfloat16):
        for t in scheduler.timesteps:
            without, with_text = model(torch.cat([x, x]), t, tokens).float().chunk(2)
            x = scheduler.step(without + guidance * (with_text - without), t, x).prev_sample
        pictures = vae.decode(x / vae.config.scaling_factor).sample.float()
    return ((pictures / 2 + 0.5).clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()


PREVIEW = [
    "a panda in the snow",
    "an astronaut in outer space",
    "a horse on the grass",
    "a camel in the desert",
    "a dog on a blue background",
    "a cat on the beach",
    "a rocket at night",
    "a robot on a yellow background",
    "santa claus in the snow",
    "a fox at sunset",
    "a butterfly on a purple background",
    "a penguin on a white background",
    "a whale under water",
    "a bus on a red background",
    "a pizza on a green background",
    "an owl in the night",
]


def preview(model: Networks, vae, encode, path: Path) -> None:
    tiles = generate(model, vae, encode, PREVIEW)
    rows = [np.concatenate(tiles[i : i + 8], axis=1) for i in (0, 8)]
    Image.fromarray(np.concatenate(rows)).save(path)


def optimizers_of(model: torch.nn.Module, share: float = 1.0) -> list[torch.optim.Optimizer]:
    """Muon, with that share of the rate, for the matrices inside the networks; AdamW for what else is trained."""
    edges = ("embed", "conv_in", "conv_out")
    trained = [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]
    inner = [w for name, w in trained if w.ndim >= 2 and not any(edge in name for edge in edges)]
    chosen = {id(weight) for weight in inner}
    rest = [weight for _, weight in trained if id(weight) not in chosen]
    return [Muon([{"params": inner, "share": share}]), adamw([{"params": rest, "share": share * ADAMW_SHARE}])]


def adamw(groups: list[dict]) -> torch.optim.AdamW:
    """AdamW as it goes along with Muon."""
    return torch.optim.AdamW(groups, betas=(0.9, 0.99), weight_decay=0.01)


def begin(plan: Plan, start: Path | None) -> Training:
    """A new training, from scratch or from the weights that ``export.image`` wrote to ``start``, or the plan's."""
    torch.manual_seed(0)
    model = (Networks() if start is None else Networks.load(start)).train()
    return Training(model, optimizers_of(model), plan, average=copy.deepcopy(model).eval())


def train(sprites: Sprites, out: Path, minutes: float, lr: float, start: Path | None) -> None:
    """Trains for ``minutes`` in all with a cosine schedule over that time; keeps an average of the weights."""
    encode = tokenizer.load(out / "tokenizer")
    vae = AutoencoderKL.from_pretrained(out / "vae").eval()
    training, scheduler = (
        begin(Plan(out / "unet.pt", minutes, lr, rise=50, every=200), start),
        DDIMScheduler(**SCHEDULER),
    )
    pool = Pool(sprites, vae, encode, seed=training.step)
    for _ in range(50):
        pool.add(20)
    for _ in training.steps():
        pool.add(FRESH)
        training.advance(loss=loss_of(training.model, scheduler, *pool.draw(BATCH)))
        if training.step % 800 == 0:
            preview(training.average, vae, encode, out / f"preview-{training.step}.png")
    preview(training.average, vae, encode, out / "preview-final.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sprites", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument(
        "--words", type=Path, required=True, help="emojibase-data's en/data.json: labels to learn words from"
    )
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--lr", type=float, default=0.01, help="peak rate of Muon; AdamW's is a tenth of it")
    parser.add_argument("--start", type=Path, help="a folder that export.image made: weights to begin with")
    args = parser.parse_args()
    if not (args.out / "tokenizer").exists():
        labels = json.loads(args.words.read_text())
        words = [word for entry in labels for word in (entry["label"], *entry.get("tags", []))]
        tokenizer.train(words, args.out / "tokenizer")
    train(Sprites(args.sprites), args.out, args.minutes, args.lr, args.start)


if __name__ == "__main__":
    main()
