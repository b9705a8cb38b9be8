"""Writes tests/data/video_fusion_reference: a clip made by VideoFusion's equations, as the paper has them, in PyTorch.

Frame by frame, in float64, with predicted noise rather than velocities, and with nothing of the package. The other
parts of the model are those of tests/data/text2video_reference/model, whose UNet is taken for a base generator. Made
with torch 2.13, diffusers 0.35.2 and transformers 4.57, which the tests do not need.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from diffusers import DDIMScheduler, UNet2DConditionModel, UNet3DConditionModel
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import CLIPTextConfig, CLIPTextModel

DATA = Path(__file__).parent
MODEL, FOLDER = DATA / "text2video_reference" / "model", DATA / "video_fusion_reference"
FRAMES, TRAINED_FRAMES, SHARE, STEPS = 5, 6, 0.3, 6
PROMPT, NEGATIVE = "the fox in the snow", "dog on the beach"
CASES = {"plain": {}, "no guidance": {"guidance_scale": 1.0}, "eta": {"eta": 0.7}}
RESIDUAL = {
    "sample_size": 8,
    "in_channels": 9,
    "out_channels": 4,
    "block_out_channels": (8, 16),
    "layers_per_block": 1,
    "down_block_types": ("DownBlock3D", "CrossAttnDownBlock3D"),
    "up_block_types": ("CrossAttnUpBlock3D", "UpBlock3D"),
    "norm_num_groups": 4,
    "cross_attention_dim": 16,
    "attention_head_dim": 2,
}


@torch.no_grad()
def residual_generator() -> UNet3DConditionModel:
    """Random weights that float16 can hold; the layers over the frames count as well."""
    torch.manual_seed(7)
    network = UNet3DConditionModel(**RESIDUAL)
    for name, parameter in network.named_parameters():
        if "temp" in name and not parameter.any():
            parameter.normal_(std=0.1)
        parameter.copy_(parameter.half().float())
    return network.double().eval()


def noises() -> dict[str, np.ndarray]:
    """``[1 + STEPS, frames, 4, 8, 8]``, the start and then each step: the base's (one frame) and the frames' own."""
    rng = np.random.default_rng(3)
    return {
        name: rng.standard_normal((1 + STEPS, frames, 4, 8, 8), np.float32)
        for name, frames in (("base noise", 1), ("residual noise", FRAMES))
    }


def decomposed(base: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
    """The noise of all frames; that of the base frame is the base's."""
    frames = [SHARE**0.5 * base + (1 - SHARE) ** 0.5 * own for own in residual]
    frames[FRAMES // 2] = base
    return torch.stack(frames)


def predicted_noise(base_generator, residual_generator, z, kept: float, t, text) -> torch.Tensor:
    """The noise of all frames: one forward pass of the base generator, one of the residual generator."""
    centre, a, s = FRAMES // 2, kept**0.5, (1 - kept) ** 0.5
    velocity = base_generator(z[centre : centre + 1], t, encoder_hidden_states=text).sample[0]
    base, cleaned = a * velocity + s * z[centre], a * z[centre] - s * velocity
    scale = (kept + (1 - kept) * (1 - SHARE)) ** 0.5
    less_noisy = [(frame - SHARE**0.5 * s * base) / scale for frame in z]
    less_noisy[centre] = cleaned
    first = TRAINED_FRAMES // 2 - centre
    places = [2 * (first + frame) / (TRAINED_FRAMES - 1) - 1 for frame in range(FRAMES)]
    seen = [torch.cat([frame, cleaned, torch.full_like(frame[:1], place)]) for frame, place in zip(less_noisy, places)]
    video = torch.stack(seen, dim=1)[None]
    velocities = residual_generator(video, t, encoder_hidden_states=text).sample[0].transpose(0, 1)
    signal, noise = a / scale, s * (1 - SHARE) ** 0.5 / scale
    residual = [signal * velocity + noise * frame for velocity, frame in zip(velocities, less_noisy)]
    return decomposed(base, torch.stack(residual))


@torch.no_grad()
def sample(networks, texts, noise, guidance_scale: float = 4.0, eta: float = 0.0) -> np.ndarray:
    """DDIM (arXiv 2010.02502, eq. 12 and 16) for all frames; ``[FRAMES, 4, 8, 8]``."""
    scheduler = DDIMScheduler.from_pretrained(MODEL / "scheduler")
    scheduler.set_timesteps(STEPS)
    kept_at = scheduler.alphas_cumprod.double()
    base, residual = (torch.from_numpy(noise[f"{name} noise"]).double() for name in ("base", "residual"))
    z = decomposed(base[0, 0], residual[0])
    for step, t in enumerate(scheduler.timesteps.tolist()):
        kept, after = kept_at[t].item(), kept_at[max(0, t - 1000 // STEPS)].item()
        without, with_text = (predicted_noise(*networks, z, kept, t, text) for text in texts)
        predicted = without + guidance_scale * (with_text - without)
        clean = (z - (1 - kept) ** 0.5 * predicted) / kept**0.5
        sigma = eta * ((1 - after) / (1 - kept) * (1 - kept / after)) ** 0.5
        fresh = decomposed(base[1 + step, 0], residual[1 + step])
        z = after**0.5 * clean + (1 - after - sigma**2) ** 0.5 * predicted + sigma * fresh
    return z.float().numpy()


@torch.no_grad()
def encode(text: str) -> torch.Tensor:
    encoder = CLIPTextModel(CLIPTextConfig.from_pretrained(MODEL / "text_encoder")).eval()
    state = load_file(MODEL / "text_encoder" / "model.safetensors")
    encoder.load_state_dict({f"text_model.{name}": tensor for name, tensor in state.items()})
    tokens = Tokenizer.from_file(str(MODEL / "tokenizer" / "tokenizer.json")).encode(text).ids
    padded = tokens + tokens[-1:] * (encoder.config.max_position_embeddings - len(tokens))
    return encoder(torch.tensor([padded]))[0].double()


def main() -> None:
    networks = UNet2DConditionModel.from_pretrained(MODEL / "unet").double().eval(), residual_generator()
    noise, texts = noises(), [encode(text) for text in (NEGATIVE, PROMPT)]
    (FOLDER / "residual").mkdir(parents=True, exist_ok=True)
    config = json.dumps({"_class_name": "UNet3DConditionModel", **RESIDUAL}, indent=1)
    (FOLDER / "residual" / "config.json").write_text(config + "\n", encoding="utf-8")
    weights = {name: tensor.half() for name, tensor in networks[1].state_dict().items()}
    save_file(weights, FOLDER / "residual" / "diffusion_pytorch_model.safetensors", {"format": "pt"})
    made = {name: sample(networks, texts, noise, **case) for name, case in CASES.items()}
    np.savez_compressed(FOLDER / "latents.npz", **noise, **made)
    settings = {
        "prompt": PROMPT,
        "negative_prompt": NEGATIVE,
        "frames": FRAMES,
        "trained_frames": TRAINED_FRAMES,
        "share": SHARE,
        "steps": STEPS,
        "cases": CASES,
    }
    (FOLDER / "cases.json").write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
