"""One timed run of ppt2v: WORK FOLDER; leaves what both sides share, and the latents, in FOLDER."""

from __future__ import annotations

import json
import time
import warnings
from pathlib import Path

import numpy as np
from work import AUTO, Work, given, pictures, report

from ppt2v.engine.choice import build, choose
from ppt2v.environment.devices import INT8
from ppt2v.errors import Notice
from ppt2v.models.adapters import motion
from ppt2v.models.adapters.adapters import Adapters
from ppt2v.models.families import stable_diffusion, stable_diffusion_xl, text_to_video
from ppt2v.models.loading import weights
from ppt2v.models.sources import locate
from ppt2v.pipelines.animate import AnimatePipeline
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
    "animate": AnimatePipeline,
    "canny": VideoControlNetPipeline,
    "pix2pix": VideoInstructPix2PixPipeline,
}
ZERO_SHOT, WHOLE_CLIPS = ("text2video", "sdxl"), ("unet3d", "animate")


class KeptNoise(Noise):
    """Noise that is also written down, for the other side."""

    def draw(self, purpose, frame_ids, shape, step=0):
        drawn = super().draw(purpose, frame_ids, shape, step)
        np.save(folder / f"{purpose}-{step}.npy", drawn.numpy())
        return drawn


class ShortRuns:
    """The sample runs for int8 (``ppt2v.engine.Samples``): of the work itself, since random weights know no prompt."""

    watched, judged = (0,), (1,)

    def __init__(self, work: Work, precision: str):
        self._work, self._precision = work, precision
        self.about = {"benchmark": work.task}

    def run(self, engine, number: int) -> None:
        pipeline = load(self._work, self._precision)
        pipeline.engine = engine
        short_run(pipeline, own_arguments(pipeline, self._work, 3, self._precision), number)


def load(work: Work, precision: str):
    """The pipeline of the task."""
    model = locate.locate(work.model)
    if work.task == "unet3d":
        return TextToVideoPipeline(**text_to_video.load_text_to_video(model, precision, lazy=True)._asdict())
    if work.task == "sdxl":
        return TextToVideoZeroXLPipeline(**stable_diffusion_xl.load_stable_diffusion_xl(model, precision, lazy=True))
    moves = work.task == "animate"
    adapters = Adapters(motion=motion.read(str(model / "motion")) if moves else None)
    loaded = stable_diffusion.load_stable_diffusion(model, precision, True, adapters)
    return PIPELINES[work.task](**loaded.components, requires_safety_checker=False)


def short_run(pipeline, own: dict, seed: int) -> None:
    """Two steps, whose outcome does not matter."""
    pipeline("a fox in the snow", Noise(seed), num_inference_steps=2, **own)


def own_arguments(pipeline, work: Work, frames: int, precision: str) -> dict:
    """What the pipeline of the task is told beside prompt, noise and steps."""
    size = {"height": work.size, "width": work.size, "video_length": frames}
    if work.task in WHOLE_CLIPS:
        return size
    if work.task in ZERO_SHOT:
        return {**size, "chunk_size": work.chunk_size, "merging_ratio": work.merging_ratio}
    if work.task == "pix2pix":
        return {"frames": pictures(frames, work.size), "chunk_size": work.chunk_size}
    from ppdiffusers import ControlNetModel

    if not hasattr(pipeline, "network"):
        pipeline.network = weights.load_component(Path(work.model) / "controlnet", ControlNetModel, precision, True)
    return {"controls": [Control(pipeline.network, pictures(frames, work.size))], "chunk_size": work.chunk_size}


def quantize_as_trained() -> None:
    """Lets the layers be in int8 that tolerate it in trained models, whatever random weights do.

    In those the second layer of each feed-forward part has outliers that keep it in float; random ones have none. And
    how exact predictions of random weights are tells nothing.
    """
    from ppt2v.engine import int8, quantization

    quantization._PRODUCTS = ".ff.net.0."
    int8.LEAST_SNR = int8.MEDIAN_SNR = -float("inf")


def share_schedule(pipeline, work: Work) -> None:
    """T0 and T1 as diffusers counts them, on the schedule in use."""
    timesteps = [DDIM(pipeline.scheduler, steps).timesteps for steps in (work.steps, REFERENCE_STEPS)]
    start, warp = motion_steps(*timesteps, t0=44, t1=47)
    (folder / "shared.json").write_text(json.dumps({"t0": work.steps - 1 - warp, "t1": work.steps - 1 - start}))


work, folder = given()
warnings.simplefilter("error", Notice)  # what cannot be run as asked is not measured
choice = choose(work.engine, "cpu", None if work.precision == AUTO else work.precision)
pipeline = load(work, choice.network)
pipeline.engine = build(choice)
if choice.precision == INT8:
    quantize_as_trained()
pipeline.engine.samples = ShortRuns(work, choice.network)
if work.task in ZERO_SHOT:
    share_schedule(pipeline, work)
own = [own_arguments(pipeline, work, frames, choice.network) for frames in (2, work.frames)]
short_run(pipeline, own[0], 0)  # compiles
start = time.perf_counter()
latents = pipeline("a panda in the snow", KeptNoise(1), num_inference_steps=work.steps, guidance_scale=7.5, **own[1])
seconds = time.perf_counter() - start
np.save(folder / "latents.npy", latents.numpy())
report(seconds, precision=choice.precision)
