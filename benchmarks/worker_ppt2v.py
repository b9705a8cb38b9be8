"""One timed run of ppt2v: MODEL FOLDER FRAMES STEPS; leaves the model's folder, noise and latents in FOLDER."""
from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

from ppt2v import hub, weights  # before Paddle, so that it uses all cores
from ppt2v.pipelines.noise import Noise
from ppt2v.pipelines.schedule import REFERENCE_STEPS, motion_steps
from ppt2v.pipelines.text_to_video_zero import TextToVideoZeroPipeline

model, folder, frames, steps = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])


class KeptNoise(Noise):
    """Noise that is also written down, for the other side."""

    def draw(self, purpose, frame_ids, shape, step=0):
        drawn = super().draw(purpose, frame_ids, shape, step)
        np.save(folder / f"{purpose}.npy", drawn.numpy())
        return drawn


loaded = weights.load_stable_diffusion(hub.locate(model))
pipeline = TextToVideoZeroPipeline(**loaded.components, requires_safety_checker=False)
pipeline.scheduler.set_timesteps(REFERENCE_STEPS)
reference = pipeline.scheduler.timesteps.tolist()
pipeline.scheduler.set_timesteps(steps)
start_step, warp_step = motion_steps(pipeline.scheduler.timesteps.tolist(), reference, t0=44, t1=47)
# diffusers counts t0 and t1 on the schedule in use.
shared = {"model": str(hub.locate(model)), "t0": steps - 1 - warp_step, "t1": steps - 1 - start_step}
(folder / "shared.json").write_text(json.dumps(shared))
pipeline("a fox in the snow", Noise(0), video_length=2, num_inference_steps=2)
start = time.perf_counter()
latents = pipeline("a panda in the snow", KeptNoise(1), video_length=frames, num_inference_steps=steps)
seconds = time.perf_counter() - start
np.save(folder / "latents.npy", latents.numpy())
print(json.dumps({"seconds": seconds, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
