"""Makes the embedded text-to-video model's folder from what was trained: the layout of diffusers, float16 safetensors.

    python -m training.export.video OUT __assets__/embedded

Parts that are the embedded image model's share its weights.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from training.export.guided import average
from training.export.image import share, text_state, write_json, write_weights
from training.train.unet import TEXT
from training.train.video import UNET3D, VideoNetworks

INDEX = {
    "_class_name": "TextToVideoSDPipeline",
    "scheduler": ["diffusers", "DDIMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet3DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}


def write_text_encoder(networks: torch.nn.Module, folder: Path) -> None:
    """Writes the text encoder of trained networks."""
    config = {"architectures": ["CLIPTextModel"], "model_type": "clip_text_model", **TEXT}
    write_json(folder / "text_encoder/config.json", config)
    write_weights(folder / "text_encoder/model.safetensors", text_state(networks))


def export(out: Path, embedded: Path) -> None:
    """Writes every part but ``ppt2v.json`` and ``words.json``, which are kept by hand."""
    networks, folder = VideoNetworks(), embedded / "video"
    networks.load_state_dict(average(out, "video"))
    write_json(folder / "model_index.json", INDEX)
    write_json(folder / "unet/config.json", {"_class_name": "UNet3DConditionModel", **UNET3D})
    write_weights(folder / "unet/diffusion_pytorch_model.safetensors", networks.unet.state_dict())
    write_text_encoder(networks, folder)
    share(folder, embedded, "scheduler", "tokenizer", "vae")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("embedded", type=Path)
    export(**vars(parser.parse_args()))
