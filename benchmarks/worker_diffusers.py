"""One timed run of PyTorch diffusers on what ``worker_ppt2v.py`` left: WORK FOLDER.

Each task with diffusers' own cross-frame attention, in its best form.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np
import torch
from diffusers import (
    AnimateDiffPipeline,
    ControlNetModel,
    DDIMScheduler,
    EulerAncestralDiscreteScheduler,
    MotionAdapter,
    StableDiffusionControlNetPipeline,
    StableDiffusionInstructPix2PixPipeline,
    TextToVideoSDPipeline,
    TextToVideoZeroPipeline,
    TextToVideoZeroSDXLPipeline,
)
from diffusers.schedulers import scheduling_euler_ancestral_discrete as euler
from work import as_clip, difference, given, pictures, report

# The module has moved between versions of diffusers.
CrossFrameAttnProcessor2_0 = import_module(TextToVideoZeroPipeline.__module__).CrossFrameAttnProcessor2_0

work, folder = given()
dtype = getattr(torch, work.precision)
options = {"safety_checker": None, "feature_extractor": None, "torch_dtype": dtype}
Run = Callable[[str, int, int], torch.Tensor]


def noise(name: str) -> torch.Tensor:
    return torch.from_numpy(np.load(folder / f"{name}.npy")).to(dtype)


def step_noise(step: int, frames: int) -> torch.Tensor:
    """That of a stochastic step; of the last one, which adds none, there is no file."""
    drawn = (folder / f"step-{step}.npy").exists()
    return repeated(noise(f"step-{step}" if drawn else "start-0") * drawn, frames)


def repeated(tensor: torch.Tensor, frames: int) -> torch.Tensor:
    """The same for all frames."""
    return tensor[:1].repeat(frames, 1, 1, 1)


def clip(frames: int) -> torch.Tensor:
    return torch.from_numpy(pictures(frames, work.size)).permute(0, 3, 1, 2).to(dtype) / 255


def text2video() -> tuple[object, Run]:
    return zero_shot(TextToVideoZeroPipeline.from_pretrained(work.model, **options))


def sdxl() -> tuple[object, Run]:
    return zero_shot(TextToVideoZeroSDXLPipeline.from_pretrained(work.model, torch_dtype=dtype, add_watermarker=False))


def zero_shot(pipeline) -> tuple[object, Run]:
    module = import_module(type(pipeline).__module__)
    shared, forward = json.loads((folder / "shared.json").read_text()), noise("forward-0")

    def run(prompt: str, frames: int, steps: int) -> torch.Tensor:
        levels = shared if steps == work.steps else {"t0": 0, "t1": 1}
        torch.randn, torch_randn = lambda *_, **__: forward[: frames - 1], torch.randn
        module.randn_tensor = torch.randn  # where the pipeline of XL draws
        try:
            return pipeline(
                prompt,
                video_length=frames,
                num_inference_steps=steps,
                latents=noise("start-0")[:1],
                height=work.size,
                width=work.size,
                output_type="latent",
                **levels,
            ).images
        finally:
            torch.randn = torch_randn

    return pipeline, run


def canny() -> tuple[object, Run]:
    network = ControlNetModel.from_pretrained(Path(work.model) / "controlnet", torch_dtype=dtype)
    pipeline = StableDiffusionControlNetPipeline.from_pretrained(work.model, controlnet=network, **options)
    for part in (pipeline.unet, network):
        part.set_attn_processor(CrossFrameAttnProcessor2_0(batch_size=2))
    network.to(memory_format=torch.channels_last)

    def run(prompt: str, frames: int, steps: int) -> torch.Tensor:
        return pipeline(
            [prompt] * frames,
            image=clip(frames),
            num_inference_steps=steps,
            guidance_scale=7.5,
            latents=repeated(noise("start-0"), frames),
            output_type="latent",
        ).images

    return pipeline, run


def pix2pix() -> tuple[object, Run]:
    pipeline = StableDiffusionInstructPix2PixPipeline.from_pretrained(work.model, **options)
    pipeline.scheduler = EulerAncestralDiscreteScheduler.from_config(pipeline.scheduler.config)
    pipeline.unet.set_attn_processor(CrossFrameAttnProcessor2_0(batch_size=3))

    def run(prompt: str, frames: int, steps: int) -> torch.Tensor:
        drawn = (step_noise(step, frames) for step in range(steps))
        euler.randn_tensor = lambda *_, **__: next(drawn)
        return pipeline(
            [prompt] * frames,
            image=clip(frames),
            num_inference_steps=steps,
            guidance_scale=7.5,
            image_guidance_scale=1.5,
            latents=repeated(noise("start-0"), frames),
            output_type="latent",
        ).images

    return pipeline, run


def unet3d() -> tuple[object, Run]:
    return whole_clip(TextToVideoSDPipeline.from_pretrained(work.model, torch_dtype=dtype))


def animate() -> tuple[object, Run]:
    modules = MotionAdapter.from_pretrained(Path(work.model) / "motion", torch_dtype=dtype)
    pipeline = AnimateDiffPipeline.from_pretrained(
        work.model, motion_adapter=modules, feature_extractor=None, image_encoder=None, torch_dtype=dtype
    )
    # The noise that the modules were trained with.
    pipeline.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config, beta_schedule="linear")
    return whole_clip(pipeline)


def whole_clip(pipeline) -> tuple[object, Run]:
    def run(prompt: str, frames: int, steps: int) -> torch.Tensor:
        start = torch.from_numpy(as_clip(np.load(folder / "start-0.npy")[:frames])).to(dtype)
        [latents] = pipeline(
            prompt,
            num_frames=frames,
            num_inference_steps=steps,
            guidance_scale=7.5,
            latents=start,
            height=work.size,
            width=work.size,
            output_type="latent",
        ).frames
        return latents.transpose(0, 1)

    return pipeline, run


TASKS = {
    "text2video": text2video,
    "sdxl": sdxl,
    "canny": canny,
    "pix2pix": pix2pix,
    "unet3d": unet3d,
    "animate": animate,
}
pipeline, run = TASKS[work.task]()
for layer in pipeline.unet.modules():
    if isinstance(layer, torch.nn.Conv2d):  # faster so; other convolutions cannot have this layout
        layer.to(memory_format=torch.channels_last)
pipeline.set_progress_bar_config(disable=True)
run("a fox in the snow", 2, 2)
start = time.perf_counter()
latents = run("a panda in the snow", work.frames, work.steps)
seconds = time.perf_counter() - start
report(seconds, difference=difference(latents.float().numpy(), folder))
