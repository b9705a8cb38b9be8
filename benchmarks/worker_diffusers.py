"""One timed run of PyTorch diffusers on what ``worker_ppt2v.py`` left: WORK FOLDER."""
from __future__ import annotations

import json
import time

import numpy as np
import torch
from diffusers import TextToVideoZeroPipeline
from work import given, report

work, folder = given()
shared = json.loads((folder / "shared.json").read_text())
pipeline = TextToVideoZeroPipeline.from_pretrained(
    work.model, safety_checker=None, feature_extractor=None, torch_dtype=getattr(torch, work.precision)
)
pipeline.unet.to(memory_format=torch.channels_last)
pipeline.set_progress_bar_config(disable=True)


def generate(prompt: str, **options) -> torch.Tensor:
    return pipeline(prompt, height=work.size, width=work.size, output_type="latent", **options).images


start_noise, forward_noise = (
    torch.from_numpy(np.load(folder / f"{name}.npy")).to(pipeline.unet.dtype) for name in ("start", "forward")
)
generate("a fox in the snow", video_length=2, num_inference_steps=2, t0=0, t1=1)
torch.randn, torch_randn = lambda *_, **__: forward_noise, torch.randn
start = time.perf_counter()
latents = generate("a panda in the snow", video_length=work.frames, num_inference_steps=work.steps,
                   latents=start_noise, **shared)
seconds = time.perf_counter() - start
torch.randn = torch_randn
expected = latents.float().numpy()
report(seconds, difference=float(np.abs(np.load(folder / "latents.npy") - expected).max() / expected.std()))
