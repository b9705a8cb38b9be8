"""Writes tests/data/text2video_reference: a tiny Stable Diffusion model, and what PyTorch diffusers makes of it.

The latents come from diffusers' own TextToVideoZeroPipeline, the warped pictures from its motion field. Made with torch
2.13, diffusers 0.42.1 and transformers 5, which the tests do not need.
"""

from __future__ import annotations

import json
import shutil
from importlib import import_module
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    StableDiffusionPipeline,
    TextToVideoZeroPipeline,
    UNet2DConditionModel,
)
from make_checkpoints import clip_vocabulary
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

reference = import_module(TextToVideoZeroPipeline.__module__)  # which has moved between versions

FOLDER = Path(__file__).parent / "text2video_reference"
COMMON = {
    "prompt": "the fox in the snow",
    "negative_prompt": "",
    "video_length": 8,
    "height": 16,
    "width": 16,
    "num_inference_steps": 50,
    "guidance_scale": 7.5,
    "eta": 0.0,
    "t0": 44,
    "t1": 47,
    "motion_field_strength_x": 12,
    "motion_field_strength_y": 12,
}
CASES = {
    "paper": {},
    "motion": {"motion_field_strength_x": -30, "motion_field_strength_y": 21},
    "not square": {"width": 24},
    "no guidance": {"guidance_scale": 1.0},
    "negative prompt": {"negative_prompt": "dog on the beach"},
    "eta": {"eta": 0.7},
    "25 steps": {"num_inference_steps": 25},
    "other levels": {"t0": 30, "t1": 41},
}
# diffusers counts T0 and T1 on the schedule in use: of 25 steps these stand at the timesteps 881 and 961.
INDICES = {"25 steps": {"t0": 22, "t1": 24}}

SIZES = ((64, 64), (32, 32), (40, 72))
STRENGTHS = ((12, 12), (-30, 21), (7.3, -4.9), (0, 5), (200, -333))
FRAMES = list(range(1, 8))


def build_model() -> StableDiffusionPipeline:
    """Two levels with attention and a middle block with attention; latents have half the side of the pictures."""
    torch.manual_seed(0)
    vocabulary, merges = clip_vocabulary()
    text = CLIPTextConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=77,
        bos_token_id=len(vocabulary) - 2,
        eos_token_id=len(vocabulary) - 1,
    )
    unet = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(8, 16),
        layers_per_block=1,
        cross_attention_dim=16,
        attention_head_dim=2,
        norm_num_groups=4,
        down_block_types=("CrossAttnDownBlock2D",) * 2,
        up_block_types=("CrossAttnUpBlock2D",) * 2,
    )
    vae = AutoencoderKL(
        block_out_channels=(8, 16),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=4,
        norm_num_groups=4,
        sample_size=16,
    )
    scheduler = DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )
    strengthen(unet)
    return StableDiffusionPipeline(
        vae=vae,
        text_encoder=CLIPTextModel(text),
        unet=unet,
        scheduler=scheduler,
        safety_checker=None,
        tokenizer=CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=77),
        feature_extractor=None,
        requires_safety_checker=False,
    )


@torch.no_grad()
def strengthen(unet: UNet2DConditionModel) -> None:
    """Makes the attention and the time embedding count: as they are initialised they hardly change the result."""
    for name, parameter in unet.named_parameters():
        if ".attn" in name and name.endswith("weight"):
            parameter *= 2
        if "time_emb" in name and name.endswith("weight"):
            parameter *= 1.5


def draw_noise() -> np.ndarray:
    """``[9, 4, 8, 12]``: the anchor's first latents, then the forward noise of eight frames; cases crop the width."""
    return np.random.default_rng(0).standard_normal((9, 4, 8, 12), np.float32)


def step_noise(forward: np.ndarray, step: int, frames: int) -> np.ndarray:
    """The noise of a stochastic step; the test computes the same, so that no array per step need be stored."""
    return np.roll(forward[:frames], step + 1, axis=-1)


class StoredNoiseDDIM(DDIMScheduler):
    """DDIM whose stochastic steps take their noise from ``step_noise``."""

    forward_noise: np.ndarray

    def step(self, model_output, timestep, sample, eta=0.0, generator=None):
        index = self.timesteps.tolist().index(int(timestep))
        noise = torch.from_numpy(step_noise(self.forward_noise, index, len(sample)))
        return super().step(model_output, timestep, sample, eta=eta, variance_noise=noise)


def run_reference(model: StableDiffusionPipeline, name: str, noise: np.ndarray) -> np.ndarray:
    """Latents ``[8, 4, height, width]`` of a case."""
    arguments = {**COMMON, **CASES[name], **INDICES.get(name, {})}
    start, forward = np.split(np.ascontiguousarray(noise[..., : arguments["width"] // 2]), [1])
    parts = {**model.components, "scheduler": StoredNoiseDDIM.from_config(model.scheduler.config)}
    del parts["image_encoder"]
    pipeline = reference.TextToVideoZeroPipeline(**parts, requires_safety_checker=False)
    pipeline.scheduler.forward_noise = forward
    followers, start = torch.from_numpy(forward[1:]), torch.from_numpy(start)
    stored_noise = mock.patch.object(reference, "randn_tensor", lambda *_, **__: followers)
    with stored_noise, guidance_may_be_off(pipeline, arguments):
        return pipeline(**arguments, latents=start, output_type="latent").images.numpy()


def guidance_may_be_off(pipeline: reference.TextToVideoZeroPipeline, arguments: dict):
    """Without guidance diffusers 0.42 fails: it concatenates None, and its processor always expects two branches.

    The missing negative embedding becomes an empty one, and the processor learns the true number of branches.
    """
    encode, processor = pipeline.encode_prompt, reference.CrossFrameAttnProcessor2_0
    branches = 2 if arguments["guidance_scale"] > 1 else 1

    def encode_prompt(*args):
        positive, negative = encode(*args)
        return positive, positive[:0] if negative is None else negative

    pipeline.encode_prompt = encode_prompt
    return mock.patch.object(reference, "CrossFrameAttnProcessor2_0", lambda batch_size: processor(batch_size=branches))


def run_warp(height: int, width: int, strength: tuple[float, float]) -> np.ndarray:
    """``[7, height, width]``: the number of the cell at which each cell of each frame looked."""
    cells = torch.arange(height * width, dtype=torch.float32).reshape(1, 1, height, width)
    repeated = cells.repeat(len(FRAMES), 1, 1, 1)
    return reference.create_motion_field_and_warp_latents(*strength, FRAMES, repeated)[:, 0].numpy().astype(np.int16)


def main() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    model, noise = build_model(), draw_noise()
    model.save_pretrained(FOLDER / "model")
    latents = {name: run_reference(model, name, noise) for name in CASES}
    np.savez_compressed(FOLDER / "latents.npz", noise=noise, **latents)
    cases = {name: {**COMMON, **case} for name, case in CASES.items()}
    (FOLDER / "cases.json").write_text(json.dumps(cases, indent=1) + "\n")
    warped = {f"{h}x{w} {x} {y}": run_warp(h, w, (x, y)) for h, w in SIZES for x, y in STRENGTHS}
    np.savez_compressed(FOLDER / "warped.npz", **warped)
    for name, result in latents.items():
        change = np.abs(result[..., :8] - latents["paper"]).max()
        print(f"{name}: standard deviation {result.std():.3f}, largest difference from the paper's case {change:.3f}")


if __name__ == "__main__":
    main()
