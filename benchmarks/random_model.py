"""Writes models of the published sizes with random weights (PyTorch) for a task: TASK FOLDER [tiny].

Time and memory depend on shapes only, so no real weights are needed to compare them. Stable Diffusion 1.5's size:
4.3 GB for text2video and pix2pix, 5.8 GB with the ControlNet of canny. ModelScope's text to video (unet3d): 6.3 GB,
with a text encoder of two layers instead of 23, which is used once a run. Tiny ones are for trying the benchmark.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import torch
from diffusers import AutoencoderKL, ControlNetModel, DDIMScheduler, UNet2DConditionModel, UNet3DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

TOKENIZER = Path(__file__).parents[1] / "__assets__" / "embedded" / "tokenizer"
TINY = (32, 64, 64, 64)  # instead of 320, 640, 1280, 1280


def write(task: str, folder: Path, tiny: bool = False) -> None:
    """The whole folder; complete if it holds model_index.json."""
    torch.manual_seed(0)
    video = task == "unet3d"
    text_width = 1024 if video else 768
    widths = {"block_out_channels": TINY, "attention_head_dim": 8} if tiny else {}
    if video:
        unet = UNet3DConditionModel(sample_size=32, cross_attention_dim=text_width, **widths)
    else:
        unet = UNet2DConditionModel(
            sample_size=64, cross_attention_dim=text_width, **widths, in_channels=8 if task == "pix2pix" else 4
        )
    unet.save_pretrained(folder / "unet")
    if task == "canny":
        control_net(unet).save_pretrained(folder / "controlnet")
    vae_widths = TINY if tiny else (128, 256, 512, 512)
    AutoencoderKL(
        block_out_channels=vae_widths,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=4,
        layers_per_block=2,
        sample_size=512,
    ).save_pretrained(folder / "vae")
    text = CLIPTextConfig(
        vocab_size=49408,
        hidden_size=text_width,
        intermediate_size=4 * text_width,
        num_hidden_layers=2 if video or tiny else 12,
        num_attention_heads=text_width // 64,
        max_position_embeddings=77,
        eos_token_id=2,
    )
    CLIPTextModel(text).save_pretrained(folder / "text_encoder")
    DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    ).save_pretrained(folder / "scheduler")
    write_tokenizer(folder / "tokenizer")
    write_index(folder, "TextToVideoSDPipeline" if video else "StableDiffusionPipeline", type(unet).__name__)


def control_net(unet: UNet2DConditionModel) -> ControlNetModel:
    """One that has an effect: a fresh one adds nothing."""
    network = ControlNetModel.from_unet(unet)
    for layer in (*network.controlnet_down_blocks, network.controlnet_mid_block):
        torch.nn.init.normal_(layer.weight, std=0.02)
    return network


def write_tokenizer(folder: Path) -> None:
    """The words do not matter; the length does."""
    shutil.copytree(TOKENIZER, folder, dirs_exist_ok=True)
    file = folder / "tokenizer_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "model_max_length": 77}))


def write_index(folder: Path, pipeline: str, unet: str) -> None:
    """Names the parts, as diffusers wants it."""
    parts = {
        "scheduler": ["diffusers", "DDIMScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", unet],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    if pipeline == "StableDiffusionPipeline":
        parts |= {"safety_checker": [None, None], "feature_extractor": [None, None]}
    (folder / "model_index.json").write_text(json.dumps({"_class_name": pipeline, **parts}))


if __name__ == "__main__":
    write(sys.argv[1], Path(sys.argv[2]), "tiny" in sys.argv[3:])
