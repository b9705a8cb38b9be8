"""Makes a VideoFusion model's folder from what was trained: the layout of diffusers, float16 safetensors.

    python training/export_video_fusion.py OUT/video_fusion-0.5.pt __assets__/embedded/videofusion

Parts that are the embedded image model's are links to those.
"""
from __future__ import annotations

import argparse
import os
from pathlib import Path

import torch

import moving
from export import write_json, write_weights
from export_video import INDEX, write_text_encoder
from train_control import EMBEDDED
from train_unet import UNET, Networks
from train_video_fusion import RESIDUAL, VideoFusion

DEFAULTS = {"synthesize": {"num_inference_steps": 20, "guidance_scale": 4.0}}
LINKED = "scheduler", "tokenizer", "vae"


def export(state: Path, folder: Path) -> None:
    """Writes every part of the average of the weights that a training keeps in ``state``."""
    average = torch.load(state)["average"]
    share = round(average["share"].item(), 6)  # which was given in less digits than float32 has
    model = VideoFusion(Networks(), share)
    model.load_state_dict(average)
    index = {
        **INDEX, "_class_name": "VideoFusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"],
        "residual": ["diffusers", "UNet3DConditionModel"], "base_noise_share": share, "frames": moving.FRAMES,
    }
    write_json(folder / "model_index.json", index)
    write_json(folder / "ppt2v.json", DEFAULTS)
    write_json(folder / "unet/config.json", {"_class_name": "UNet2DConditionModel", **UNET})
    write_json(folder / "residual/config.json", {"_class_name": "UNet3DConditionModel", **RESIDUAL})
    write_weights(folder / "unet/diffusion_pytorch_model.safetensors", model.base.state_dict())
    write_weights(folder / "residual/diffusion_pytorch_model.safetensors", model.residual.state_dict())
    write_text_encoder(model, folder)
    for part in LINKED:
        if not (folder / part).is_symlink():
            (folder / part).symlink_to(os.path.relpath(EMBEDDED / part, folder.resolve()), target_is_directory=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("state", type=Path)
    parser.add_argument("folder", type=Path)
    export(**vars(parser.parse_args()))
