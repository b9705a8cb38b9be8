"""Writes tests/data/dreambooth_reference: the loss and the gradient of one Dreambooth step, by PyTorch diffusers.

The step is that of diffusers' train_dreambooth.py with prior preservation and the text encoder trained, on the model of
text2video_reference. Made with torch 2.13, diffusers 0.42.1 and transformers 5, which the tests do not need.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import DDPMScheduler, StableDiffusionPipeline
from safetensors.numpy import save_file

HERE = Path(__file__).parent
FOLDER = HERE / "dreambooth_reference"
PROMPTS, PRIOR_WEIGHT, TIMESTEPS = ("the fox in the snow", "dog on the beach"), 0.6, (17, 621, 250, 980)
# The networks whose gradients are kept; that of the text encoder has come through the whole UNet.
KEPT = {"epsilon": ("unet", "text_encoder"), "v_prediction": ("text_encoder",)}


def draw() -> dict[str, np.ndarray]:
    """Two examples of the subject, then two of the class."""
    rng = np.random.default_rng(0)
    return {name: rng.standard_normal((4, 4, 8, 8), np.float32) for name in ("latents", "noise")}


def step(pipe: StableDiffusionPipeline, prediction: str, drawn: dict[str, np.ndarray]) -> float:
    """The loss; leaves the gradients with the parameters."""
    scheduler = DDPMScheduler.from_config(pipe.scheduler.config, prediction_type=prediction)
    latents, noise = (torch.from_numpy(drawn[name]) for name in ("latents", "noise"))
    timesteps = torch.tensor(TIMESTEPS)
    tokens = pipe.tokenizer(PROMPTS, padding="max_length", max_length=77, truncation=True, return_tensors="pt")
    text = pipe.text_encoder(tokens.input_ids.repeat_interleave(2, dim=0), return_dict=False)[0]
    noisy = scheduler.add_noise(latents, noise, timesteps)
    predicted = pipe.unet(noisy, timesteps, text, return_dict=False)[0].chunk(2)
    target = noise if prediction == "epsilon" else scheduler.get_velocity(latents, noise, timesteps)
    subject, prior = (F.mse_loss(p.float(), t.float(), reduction="mean") for p, t in zip(predicted, target.chunk(2)))
    loss = subject + PRIOR_WEIGHT * prior
    for network in (pipe.unet, pipe.text_encoder):
        network.zero_grad()
    loss.backward()
    return loss.item()


def main() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    pipe = StableDiffusionPipeline.from_pretrained(HERE / "text2video_reference" / "model")
    drawn, losses = draw(), {}
    for prediction, parts in KEPT.items():
        losses[prediction] = step(pipe, prediction, drawn)
        for part in parts:
            gradients = {name: p.grad.numpy() for name, p in getattr(pipe, part).named_parameters()}
            save_file(gradients, FOLDER / f"{part}-{prediction}.safetensors", {"format": "pt"})
            norm = sum((gradient**2).sum() for gradient in gradients.values()) ** 0.5
            print(f"{prediction}: loss {losses[prediction]:.4f}, norm of the {part}'s gradient {norm:.4f}")
    np.savez_compressed(FOLDER / "drawn.npz", **drawn)
    case = {"prompts": PROMPTS, "prior_weight": PRIOR_WEIGHT, "timesteps": TIMESTEPS, "losses": losses}
    (FOLDER / "case.json").write_text(json.dumps(case, indent=1) + "\n")


if __name__ == "__main__":
    main()
