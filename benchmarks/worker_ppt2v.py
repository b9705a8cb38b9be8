"""One timed run of ppt2v: WORK FOLDER; leaves the noise and the latents in FOLDER."""
from __future__ import annotations

import json
import time

import numpy as np
from work import given, report

from ppt2v import hub, weights  # before Paddle, so that it uses all cores
from ppt2v.engine.choice import build, choose
from ppt2v.pipelines.noise import Noise
from ppt2v.pipelines.schedule import REFERENCE_STEPS, motion_steps
from ppt2v.pipelines.solvers import DDIM
from ppt2v.pipelines.text_to_video_zero import TextToVideoZeroPipeline

work, folder = given()


class KeptNoise(Noise):
    """Noise that is also written down, for the other side."""

    def draw(self, purpose, frame_ids, shape, step=0):
        drawn = super().draw(purpose, frame_ids, shape, step)
        np.save(folder / f"{purpose}.npy", drawn.numpy())
        return drawn


choice = choose(work.engine, "cpu", work.precision)
loaded = weights.load_stable_diffusion(hub.locate(work.model), choice.network, lazy=True)
pipeline = TextToVideoZeroPipeline(**loaded.components, requires_safety_checker=False)
pipeline.engine = build(choice)
timesteps = [DDIM(pipeline.scheduler, steps).timesteps for steps in (work.steps, REFERENCE_STEPS)]
start_step, warp_step = motion_steps(*timesteps, t0=44, t1=47)
# diffusers counts t0 and t1 on the schedule in use.
shared = {"t0": work.steps - 1 - warp_step, "t1": work.steps - 1 - start_step}
(folder / "shared.json").write_text(json.dumps(shared))
size = {"height": work.size, "width": work.size}
pipeline("a fox in the snow", Noise(0), video_length=2, num_inference_steps=2, **size)  # compiles
start = time.perf_counter()
latents = pipeline("a panda in the snow", KeptNoise(1), video_length=work.frames, num_inference_steps=work.steps,
                   chunk_size=work.chunk_size, **size)
seconds = time.perf_counter() - start
np.save(folder / "latents.npy", latents.numpy())
report(seconds)
