"""One timed run of PyTorch diffusers on what ``worker_ppt2v.py`` left: MODEL FOLDER FRAMES STEPS."""
from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
import torch
from diffusers import TextToVideoZeroPipeline

_, folder, frames, steps = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
shared = json.loads((folder / "shared.json").read_text())
pipeline = TextToVideoZeroPipeline.from_pretrained(
    shared["model"], safety_checker=None, feature_extractor=None, torch_dtype=torch.float32
)
pipeline.set_progress_bar_config(disable=True)


def generate(prompt: str, video_length: int, num_inference_steps: int, **given) -> torch.Tensor:
    return pipeline(
        prompt, video_length=video_length, num_inference_steps=num_inference_steps, output_type="latent", **given
    ).images


start_noise, forward_noise = (torch.from_numpy(np.load(folder / f"{name}.npy")) for name in ("start", "forward"))
generate("a fox in the snow", 2, 2, t0=0, t1=1)
torch.randn, torch_randn = lambda *_, **__: forward_noise, torch.randn
start = time.perf_counter()
latents = generate("a panda in the snow", frames, steps, latents=start_noise, t0=shared["t0"], t1=shared["t1"])
seconds = time.perf_counter() - start
torch.randn = torch_randn
expected = latents.numpy()
difference = float(np.abs(np.load(folder / "latents.npy") - expected).max() / expected.std())
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"seconds": seconds, "peak_mb": peak, "difference": difference}))
