"""Writes models of the published sizes with random weights (PyTorch) for a task: TASK FOLDER [tiny].

Time and memory depend on shapes only, so no real weights are needed to compare them. Stable Diffusion 1.5's size:
4.3 GB for text2video, and as much for pix2pix; canny adds a ControlNet (1.4 GB) to the former, animate a motion module
(1.8 GB). That of XL (sdxl): 7 GB in float16. ModelScope's text to video (unet3d): 6.3 GB, with a text encoder of two
layers instead of 23, which is used once a run. Tiny ones are for trying the benchmark.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    ControlNetModel,
    DDIMScheduler,
    MotionAdapter,
    UNet2DConditionModel,
    UNet3DConditionModel,
)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

TOKENIZER = Path(__file__).parents[1] / "__assets__" / "embedded" / "tokenizer"
TINY = (32, 64, 64, 64)  # instead of 320, 640, 1280, 1280


def write(task: str, folder: Path, tiny: bool = False) -> None:
    """What the folder lacks for a task: the model, complete if it holds model_index.json, and a part beside it."""
    torch.manual_seed(0)
    if not (folder / "model_index.json").exists():
        (write_xl if task == "sdxl" else write_model)(task, folder, tiny)
    if task == "canny":
        control_net(UNet2DConditionModel.from_pretrained(folder / "unet")).save_pretrained(folder / "controlnet")
    if task == "animate":
        motion_modules(tiny).save_pretrained(folder / "motion")


def write_model(task: str, folder: Path, tiny: bool) -> None:
    """That of Stable Diffusion or ModelScope."""
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
    write_vae(folder / "vae", tiny)
    text = text_config(text_width, 2 if video or tiny else 12)
    CLIPTextModel(text).save_pretrained(folder / "text_encoder")
    write_scheduler(folder / "scheduler")
    write_tokenizer(folder / "tokenizer")
    write_index(folder, "TextToVideoSDPipeline" if video else "StableDiffusionPipeline", type(unet).__name__)


def write_xl(task: str, folder: Path, tiny: bool) -> None:
    """That of Stable Diffusion XL, in float16 as it is published."""
    widths, layers = ((64, 128), (1, 1)) if tiny else ((768, 1280), (12, 32))
    channels = (32, 64, 64) if tiny else (320, 640, 1280)
    UNet2DConditionModel(
        sample_size=128,
        block_out_channels=channels,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=2,
        cross_attention_dim=sum(widths),
        attention_head_dim=[max(1, width // 64) for width in channels],
        transformer_layers_per_block=[1, 1, 1] if tiny else [1, 2, 10],
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=256,
        projection_class_embeddings_input_dim=widths[1] + 6 * 256,
    ).half().save_pretrained(folder / "unet")
    write_vae(folder / "vae", tiny)
    first, second = (text_config(width, count) for width, count in zip(widths, layers))
    CLIPTextModel(first).half().save_pretrained(folder / "text_encoder")
    CLIPTextModelWithProjection(second).half().save_pretrained(folder / "text_encoder_2")
    write_scheduler(folder / "scheduler")
    for name in ("tokenizer", "tokenizer_2"):
        write_tokenizer(folder / name)
    write_index(folder, "StableDiffusionXLPipeline", "UNet2DConditionModel")


def write_vae(folder: Path, tiny: bool) -> None:
    """The autoencoder that all have."""
    AutoencoderKL(
        block_out_channels=TINY if tiny else (128, 256, 512, 512),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=4,
        layers_per_block=2,
        sample_size=512,
    ).save_pretrained(folder)


def text_config(width: int, layers: int) -> CLIPTextConfig:
    """Of a text encoder."""
    return CLIPTextConfig(
        vocab_size=49408,
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=layers,
        num_attention_heads=width // 64,
        max_position_embeddings=77,
        projection_dim=width,
        eos_token_id=2,
    )


def write_scheduler(folder: Path) -> None:
    """The schedule of Stable Diffusion."""
    DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    ).save_pretrained(folder)


def control_net(unet: UNet2DConditionModel) -> ControlNetModel:
    """One that has an effect: a fresh one adds nothing."""
    network = ControlNetModel.from_unet(unet)
    for layer in (*network.controlnet_down_blocks, network.controlnet_mid_block):
        torch.nn.init.normal_(layer.weight, std=0.02)
    return network


def motion_modules(tiny: bool) -> MotionAdapter:
    """Those of AnimateDiff's second version, which have an effect: fresh ones add nothing."""
    network = MotionAdapter(block_out_channels=TINY, motion_num_attention_heads=4) if tiny else MotionAdapter()
    for name, parameter in network.named_parameters():
        if "proj_out" in name:
            torch.nn.init.normal_(parameter, std=0.02)
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
    if pipeline == "StableDiffusionXLPipeline":
        parts |= {"text_encoder_2": ["transformers", "CLIPTextModelWithProjection"]}
        parts |= {"tokenizer_2": ["transformers", "CLIPTokenizer"]}
    if pipeline == "StableDiffusionPipeline":
        parts |= {"safety_checker": [None, None], "feature_extractor": [None, None]}
    (folder / "model_index.json").write_text(json.dumps({"_class_name": pipeline, **parts}))


if __name__ == "__main__":
    write(sys.argv[1], Path(sys.argv[2]), "tiny" in sys.argv[3:])
