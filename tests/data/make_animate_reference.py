"""Writes tests/data/animate_reference: tiny motion modules and ControlNets, and what PyTorch diffusers makes of them.

The latents come from diffusers' own AnimateDiffPipeline, AnimateDiffVideoToVideoPipeline and
AnimateDiffControlNetPipeline, with the other parts of tests/data/text2video_reference/model. Made with torch 2.13,
diffusers 0.42.1 and transformers 5, which the tests do not need.
"""

from __future__ import annotations

import json
import shutil
from unittest import mock

import numpy as np
import torch
from diffusers import (
    AnimateDiffControlNetPipeline,
    AnimateDiffPipeline,
    AnimateDiffVideoToVideoPipeline,
    ControlNetModel,
    DDIMScheduler,
    MotionAdapter,
    StableDiffusionPipeline,
)
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from diffusers.pipelines import free_init_utils
from diffusers.pipelines.animatediff import pipeline_animatediff_video2video as video_to_video
from make_text2video_reference import FOLDER as BASE

FOLDER = BASE.parent / "animate_reference"
FRAMES, SIDE, STEPS = 5, 16, 10
PROMPT, NEGATIVE = "the fox in the snow", "dog on the beach"
ADAPTER = {
    "block_out_channels": (8, 16),
    "motion_layers_per_block": 1,
    "motion_num_attention_heads": 2,
    "motion_norm_num_groups": 4,
    "motion_max_seq_length": 6,
}
MODULES = {"with the middle": True, "without": False}
CASES = {
    "with the middle": {"modules": "with the middle"},
    "without": {"modules": "without"},
    "no guidance": {"modules": "with the middle", "guidance_scale": 1.0},
    "from a clip": {"modules": "with the middle", "strength": 0.6},
    "FreeInit": {"modules": "with the middle", "free_init": 3},
    "one ControlNet": {"modules": "with the middle", "controls": [0.7]},
}


@torch.no_grad()
def adapter(with_middle: bool) -> MotionAdapter:
    """Modules that count: as they are initialised they add nothing."""
    torch.manual_seed(7)
    made = MotionAdapter(**ADAPTER, use_motion_mid_block=with_middle)
    for name, parameter in made.named_parameters():
        if "proj_out.weight" in name or (".attn" in name and name.endswith("weight")):
            parameter.normal_(std=0.4)
    return made


def pictures() -> np.ndarray:
    """uint8 ``[frames, side, side, 3]``."""
    return np.random.default_rng(1).integers(0, 256, (FRAMES, SIDE, SIDE, 3), np.uint8)


def noises(iteration: int = 0) -> np.ndarray:
    """``[frames, 4, 8, 8]``: the start."""
    return np.random.default_rng(2 + iteration).standard_normal((FRAMES, 4, SIDE // 2, SIDE // 2), np.float32)


def as_clip(latents: np.ndarray) -> torch.Tensor:
    """``[1, channels, frames, height, width]`` of ``[frames, channels, height, width]``."""
    return torch.from_numpy(latents).permute(1, 0, 2, 3)[None]


def as_frames(clip: torch.Tensor) -> np.ndarray:
    return clip[0].permute(1, 0, 2, 3).numpy()


def run(model: StableDiffusionPipeline, adapters: dict, controlnet: ControlNetModel, case: dict) -> np.ndarray:
    """Latents ``[frames, 4, 8, 8]`` of a case."""
    arguments = {name: value for name, value in case.items() if name not in ("modules", "controls", "free_init")}
    schedule = DDIMScheduler.from_config(model.scheduler.config, beta_schedule="linear")
    names = "vae", "text_encoder", "tokenizer", "unet"
    parts = {name: model.components[name] for name in names}
    parts |= {"motion_adapter": adapters[case["modules"]], "scheduler": schedule}
    common = {"num_inference_steps": STEPS, "negative_prompt": NEGATIVE, "output_type": "latent", **arguments}
    clip = [frame.astype(np.float32) / 255 for frame in pictures()]
    if "strength" in case:
        pipeline = AnimateDiffVideoToVideoPipeline(**parts)
        drawn = mock.patch.object(video_to_video, "randn_tensor", lambda *_, **__: torch.from_numpy(noises())[None])
        mean = mock.patch.object(DiagonalGaussianDistribution, "sample", lambda self, generator=None: self.mean)
        with drawn, mean:
            return as_frames(pipeline(video=clip, prompt=PROMPT, **common).frames)
    common |= {"num_frames": FRAMES, "height": SIDE, "width": SIDE, "latents": as_clip(noises())}
    if "controls" in case:
        pipeline = AnimateDiffControlNetPipeline(**parts, controlnet=controlnet)
        common |= {"conditioning_frames": clip, "controlnet_conditioning_scale": case["controls"][0]}
        return as_frames(pipeline(PROMPT, **common).frames)
    pipeline = AnimateDiffPipeline(**parts)
    if "free_init" not in case:
        return as_frames(pipeline(PROMPT, **common).frames)
    pipeline.enable_free_init(num_iters=case["free_init"])
    later = [as_clip(noises(iteration)) for iteration in range(1, case["free_init"])]
    with mock.patch.object(free_init_utils, "randn_tensor", lambda *_, **__: later.pop(0)):
        return as_frames(pipeline(PROMPT, **common).frames)


def main() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    model = StableDiffusionPipeline.from_pretrained(BASE / "model", safety_checker=None)
    controlnet = ControlNetModel.from_pretrained(BASE.parent / "guided_reference" / "controlnet0")
    adapters = {name: adapter(with_middle) for name, with_middle in MODULES.items()}
    for name, made in adapters.items():
        made.save_pretrained(FOLDER / name)
    with torch.no_grad():
        made = {name: run(model, adapters, controlnet, case) for name, case in CASES.items()}
    (FOLDER / "cases.json").write_text(json.dumps(CASES, indent=1) + "\n")
    np.savez_compressed(FOLDER / "latents.npz", noise=noises(), pictures=pictures(), **made)
    for name, latents in made.items():
        print(name, latents.shape, f"standard deviation {latents.std():.3f}")


if __name__ == "__main__":
    main()
