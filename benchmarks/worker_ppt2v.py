"""One timed run of ppt2v: WORK FOLDER; leaves what both sides share, and the latents, in FOLDER."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
from work import Work, given, pictures, report

from ppt2v.engine.choice import build, choose
from ppt2v.models.families import stable_diffusion, stable_diffusion_xl, text_to_video
from ppt2v.models.loading import weights
from ppt2v.models.sources import locate
from ppt2v.pipelines.denoising.noise import Noise
from ppt2v.pipelines.denoising.solvers import DDIM
from ppt2v.pipelines.planning.timesteps import REFERENCE_STEPS, motion_steps
from ppt2v.pipelines.stable_diffusion_xl import TextToVideoZeroXLPipeline
from ppt2v.pipelines.text_to_video_modelscope import TextToVideoPipeline
from ppt2v.pipelines.text_to_video_zero import TextToVideoZeroPipeline
from ppt2v.pipelines.video_controlnet import Control, VideoControlNetPipeline
from ppt2v.pipelines.video_instruct_pix2pix import VideoInstructPix2PixPipeline

PIPELINES = {
    "text2video": TextToVideoZeroPipeline,
    "canny": VideoControlNetPipeline,
    "pix2pix": VideoInstructPix2PixPipeline,
}
ZERO_SHOT = "text2video", "sdxl"


class KeptNoise(Noise):
    """Noise that is also written down, for the other side."""

    def draw(self, purpose, frame_ids, shape, step=0):
        drawn = super().draw(purpose, frame_ids, shape, step)
        np.save(folder / f"{purpose}-{step}.npy", drawn.numpy())
        return drawn


def load(work: Work, precision: str):
    """The pipeline of the task."""
    model = locate.locate(work.model)
    if work.task == "unet3d":
        return TextToVideoPipeline(**text_to_video.load_text_to_video(model, precision, lazy=True)._asdict())
    if work.task == "sdxl":
        return TextToVideoZeroXLPipeline(**stable_diffusion_xl.load_stable_diffusion_xl(model, precision, lazy=True))
    loaded = stable_diffusion.load_stable_diffusion(model, precision, lazy=True)
    return PIPELINES[work.task](**loaded.components, requires_safety_checker=False)


def own_arguments(pipeline, work: Work, frames: int, precision: str) -> dict:
    """What the pipeline of the task is told beside prompt, noise and steps."""
    size = {"height": work.size, "width": work.size, "video_length": frames}
    if work.task == "unet3d":
        return size
    if work.task in ZERO_SHOT:
        return {**size, "chunk_size": work.chunk_size, "merging_ratio": work.merging_ratio}
    if work.task == "pix2pix":
        return {"frames": pictures(frames, work.size), "chunk_size": work.chunk_size}
    from ppdiffusers import ControlNetModel

    if not hasattr(pipeline, "network"):
        pipeline.network = weights.load_component(Path(work.model) / "controlnet", ControlNetModel, precision, True)
    return {"controls": [Control(pipeline.network, pictures(frames, work.size))], "chunk_size": work.chunk_size}


def share_schedule(pipeline, work: Work) -> None:
    """T0 and T1 as diffusers counts them, on the schedule in use."""
    timesteps = [DDIM(pipeline.scheduler, steps).timesteps for steps in (work.steps, REFERENCE_STEPS)]
    start, warp = motion_steps(*timesteps, t0=44, t1=47)
    (folder / "shared.json").write_text(json.dumps({"t0": work.steps - 1 - warp, "t1": work.steps - 1 - start}))


work, folder = given()
choice = choose(work.engine, "cpu", work.precision)
pipeline = load(work, choice.network)
pipeline.engine = build(choice)
if work.task in ZERO_SHOT:
    share_schedule(pipeline, work)
own = [own_arguments(pipeline, work, frames, choice.network) for frames in (2, work.frames)]
pipeline("a fox in the snow", Noise(0), num_inference_steps=2, **own[0])  # compiles
start = time.perf_counter()
latents = pipeline("a panda in the snow", KeptNoise(1), num_inference_steps=work.steps, guidance_scale=7.5, **own[1])
seconds = time.perf_counter() - start
np.save(folder / "latents.npy", latents.numpy())
report(seconds)
