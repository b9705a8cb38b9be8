"""Makes a VideoFusion model's folder from what was trained: the layout of diffusers, float16 safetensors.

    python -m training.export.video_fusion OUT/video_fusion-0.5.pt __assets__/embedded/videofusion

The weights that the training left as they are, and whole parts, are those of the embedded models beside it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from training.export.image import share, share_weights, write_json
from training.export.video import INDEX
from training.pictures import moving
from training.train.control import EMBEDDED
from training.train.unet import UNET, Networks
from training.train.video_fusion import ADAPTED, RESIDUAL, VideoFusion

DEFAULTS = {"synthesize": {"num_inference_steps": 20, "guidance_scale": 4.0}}
WEIGHTS = "diffusion_pytorch_model.safetensors"


def export(state: Path, folder: Path) -> None:
    """Writes every part of the average of the weights that a training keeps in ``state``."""
    average = torch.load(state)["average"]
    base_share = round(average["share"].item(), 6)  # which was given in less digits than float32 has
    model = VideoFusion(Networks(), base_share)
    model.load_state_dict(average)
    index = {
        **INDEX,
        "_class_name": "VideoFusionPipeline",
        "unet": ["diffusers", "UNet2DConditionModel"],
        "residual": ["diffusers", "UNet3DConditionModel"],
        "base_noise_share": base_share,
        "frames": moving.FRAMES,
    }
    write_json(folder / "model_index.json", index)
    write_json(folder / "ppt2v.json", DEFAULTS)
    write_json(folder / "unet/config.json", {"_class_name": "UNet2DConditionModel", **UNET})
    write_json(folder / "residual/config.json", {"_class_name": "UNet3DConditionModel", **RESIDUAL})
    share_weights(folder / "unet", EMBEDDED / "unet" / WEIGHTS, adapted(model.base))
    share_weights(folder / "residual", EMBEDDED / "video/unet" / WEIGHTS, adapted(model.residual))
    share(folder, EMBEDDED, "scheduler", "tokenizer", "vae")
    share(folder, EMBEDDED / "video", "text_encoder")


def adapted(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The weights of a trained network that were trained."""
    return {name: weight for name, weight in network.state_dict().items() if ADAPTED.search(name)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("state", type=Path)
    parser.add_argument("folder", type=Path)
    export(**vars(parser.parse_args()))
