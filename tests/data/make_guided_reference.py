"""Writes tests/data/guided_reference: what PyTorch diffusers makes of tiny ControlNets and a tiny instruct-pix2pix.

All frames attend to the first one through diffusers' own CrossFrameAttnProcessor. The other parts of the model are
those of tests/data/text2video_reference/model. Made with torch 2.13, diffusers 0.42.1 and transformers 5, which the
tests do not need.
"""

from __future__ import annotations

import json
import shutil
from unittest import mock

import numpy as np
import torch
from diffusers import (
    ControlNetModel,
    DDIMScheduler,
    EulerAncestralDiscreteScheduler,
    MultiControlNetModel,
    StableDiffusionControlNetPipeline,
    StableDiffusionInstructPix2PixPipeline,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from diffusers.schedulers import scheduling_euler_ancestral_discrete as euler
from make_text2video_reference import FOLDER as BASE
from make_text2video_reference import reference, strengthen

FOLDER = BASE.parent / "guided_reference"
FRAMES, SIDE, STEPS = 4, 16, 10
PROMPT, NEGATIVE = "the fox in the snow", "dog on the beach"
CONTROLNET = {
    "one": {"strengths": [1.0]},
    "weaker": {"strengths": [0.4]},
    "no guidance": {"strengths": [1.0], "guidance_scale": 1.0},
    "two": {"strengths": [0.7, 0.5]},
    "part of the steps": {"strengths": [1.0], "control_guidance_start": 0.15, "control_guidance_end": 0.7},
    "guess mode": {"strengths": [0.8], "guess_mode": True},
    "guess mode without guidance": {"strengths": [1.0], "guess_mode": True, "guidance_scale": 1.0},
}
PIX2PIX = {
    "shared noise": {},
    "own noise": {"shared": False},
    "stronger": {"guidance_scale": 10.0, "image_guidance_scale": 2.5},
    "no guidance": {"guidance_scale": 1.0},
    "spacing left to the scheduler, as instruct-pix2pix does": {"no_spacing": True},
}


@torch.no_grad()
def controlnet(unet: UNet2DConditionModel, seed: int) -> ControlNetModel:
    """The way down of a UNet, with output layers that are not zero."""
    torch.manual_seed(seed)
    network = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(4, 8))
    for name, parameter in network.named_parameters():
        if name.startswith("controlnet_") and name.endswith("weight"):
            parameter.normal_(std=0.2 if "blocks" in name or "mid" in name else 0.5)
    return network


@torch.no_grad()
def pix2pix_unet(unet: UNet2DConditionModel) -> UNet2DConditionModel:
    """A UNet that takes a picture's latents beside its own."""
    torch.manual_seed(5)
    network = UNet2DConditionModel.from_config({**unet.config, "in_channels": 8})
    strengthen(network)
    return network


def pictures() -> np.ndarray:
    """uint8 ``[frames, side, side, 3]``."""
    return np.random.default_rng(1).integers(0, 256, (FRAMES, SIDE, SIDE, 3), np.uint8)


def noises() -> np.ndarray:
    """``[1 + STEPS, frames, 4, 8, 8]``: the start, then each step."""
    return np.random.default_rng(2).standard_normal((1 + STEPS, FRAMES, 4, SIDE // 2, SIDE // 2), np.float32)


def as_tensor(frames: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255


def run_controlnet(model, nets: list[ControlNetModel], noise: np.ndarray, strengths: list[float], **case) -> np.ndarray:
    branches = 2 if case.get("guidance_scale", 9.0) > 1 else 1
    model.unet.set_attn_processor(reference.CrossFrameAttnProcessor2_0(batch_size=branches))
    guided = 1 if case.get("guess_mode") else branches
    for network in nets:
        network.set_attn_processor(reference.CrossFrameAttnProcessor2_0(batch_size=guided))
    many = len(strengths) > 1
    pipeline = StableDiffusionControlNetPipeline(
        **{**model.components, "scheduler": DDIMScheduler.from_config(model.scheduler.config)},
        controlnet=MultiControlNetModel(nets) if many else nets[0],
        requires_safety_checker=False,
    )
    maps = [as_tensor(pictures()), as_tensor(pictures()[::-1].copy())]
    start = torch.from_numpy(noise[0, :1]).repeat(FRAMES, 1, 1, 1)
    return pipeline(
        [PROMPT] * FRAMES,
        image=maps if many else maps[0],
        negative_prompt=[NEGATIVE] * FRAMES,
        latents=start,
        controlnet_conditioning_scale=strengths if many else strengths[0],
        num_inference_steps=STEPS,
        output_type="latent",
        **{"guidance_scale": 9.0, **case},
    ).images.numpy()


def run_pix2pix(model, unet, noise: np.ndarray, shared: bool = True, no_spacing: bool = False, **case) -> np.ndarray:
    guided = case.get("guidance_scale", 7.5) > 1
    unet.set_attn_processor(reference.CrossFrameAttnProcessor2_0(batch_size=3 if guided else 1))
    config = {
        name: value for name, value in model.scheduler.config.items() if not (no_spacing and name == "timestep_spacing")
    }
    pipeline = StableDiffusionInstructPix2PixPipeline(
        **{**model.components, "unet": unet, "scheduler": EulerAncestralDiscreteScheduler.from_config(config)},
        requires_safety_checker=False,
    )
    used = torch.from_numpy(noise[:, :1].repeat(FRAMES, axis=1) if shared else noise)
    steps = iter(used[1:])
    with mock.patch.object(euler, "randn_tensor", lambda *_, **__: next(steps)):
        return pipeline(
            [PROMPT] * FRAMES,
            image=as_tensor(pictures()),
            negative_prompt=[NEGATIVE] * FRAMES,
            latents=used[0],
            num_inference_steps=STEPS,
            output_type="latent",
            **{"guidance_scale": 7.5, "image_guidance_scale": 1.5, **case},
        ).images.numpy()


def euler_ancestral(prediction: str, noise: np.ndarray) -> np.ndarray:
    """Latents after each step ``[STEPS, frames, ...]``, in diffusers' scale, of a network that halves what it sees."""
    scheduler = EulerAncestralDiscreteScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type=prediction,
        rescale_betas_zero_snr=prediction == "v_prediction",
        timestep_spacing="trailing",
    )
    scheduler.set_timesteps(STEPS)
    steps, states = iter(torch.from_numpy(noise[1:])), []
    latents = torch.from_numpy(noise[0]) * scheduler.init_noise_sigma
    with mock.patch.object(euler, "randn_tensor", lambda *_, **__: next(steps)):
        for timestep in scheduler.timesteps:
            predicted = scheduler.scale_model_input(latents, timestep) / 2
            latents = scheduler.step(predicted, timestep, latents).prev_sample
            states.append(latents.numpy())
    return np.stack(states)


def main() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    model, noise = StableDiffusionPipeline.from_pretrained(BASE / "model", safety_checker=None), noises()
    nets = [controlnet(model.unet, seed) for seed in (3, 4)]
    for number, network in enumerate(nets):
        network.save_pretrained(FOLDER / f"controlnet{number}")
    unet = pix2pix_unet(model.unet)
    unet.save_pretrained(FOLDER / "pix2pix_unet")
    results = {
        f"controlnet {name}": run_controlnet(model, nets[: len(case["strengths"])], noise, **case)
        for name, case in CONTROLNET.items()
    }
    results |= {f"pix2pix {name}": run_pix2pix(model, unet, noise, **case) for name, case in PIX2PIX.items()}
    results |= {f"euler {kind}": euler_ancestral(kind, noise) for kind in ("epsilon", "v_prediction")}
    np.savez_compressed(FOLDER / "latents.npz", noise=noise, pictures=pictures(), **results)
    cases = {"controlnet": CONTROLNET, "pix2pix": PIX2PIX}
    (FOLDER / "cases.json").write_text(json.dumps(cases, indent=1) + "\n")
    for name, result in results.items():
        print(
            f"{name}: {result.shape}, standard deviation {result.std():.3f}, frames differ by "
            f"{np.abs(result[-1] - result[0]).mean():.3f}"
        )


if __name__ == "__main__":
    main()
