"""Writes models of Stable Diffusion 1.5's size with random weights (PyTorch) for a task: TASK FOLDER.

Time and memory depend on shapes only, so no real weights are needed to compare them. 4.3 GB for text2video, 5.8 GB with
the ControlNet of canny, 4.3 GB for pix2pix.
"""
from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import torch
from diffusers import AutoencoderKL, ControlNetModel, DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

TOKENIZER = Path(__file__).parents[1] / "__assets__" / "embedded" / "tokenizer"


def write(task: str, folder: Path) -> None:
    """The whole folder; complete if it holds model_index.json."""
    torch.manual_seed(0)
    channels = 8 if task == "pix2pix" else 4
    unet = UNet2DConditionModel(sample_size=64, cross_attention_dim=768, in_channels=channels)
    unet.save_pretrained(folder / "unet")
    if task == "canny":
        network = ControlNetModel.from_unet(unet)
        for layer in (*network.controlnet_down_blocks, network.controlnet_mid_block):
            torch.nn.init.normal_(layer.weight, std=0.02)
        network.save_pretrained(folder / "controlnet")
    AutoencoderKL(
        block_out_channels=(128, 256, 512, 512), down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4, latent_channels=4, layers_per_block=2, sample_size=512,
    ).save_pretrained(folder / "vae")
    text = CLIPTextConfig(vocab_size=49408, hidden_size=768, intermediate_size=3072, num_hidden_layers=12,
                          num_attention_heads=12, max_position_embeddings=77, eos_token_id=2)
    CLIPTextModel(text).save_pretrained(folder / "text_encoder")
    DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False,
                  set_alpha_to_one=False, steps_offset=1).save_pretrained(folder / "scheduler")
    # The words do not matter; the length does.
    shutil.copytree(TOKENIZER, folder / "tokenizer", dirs_exist_ok=True)
    file = folder / "tokenizer" / "tokenizer_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "model_max_length": 77}))
    parts = {"scheduler": ["diffusers", "DDIMScheduler"], "text_encoder": ["transformers", "CLIPTextModel"],
             "tokenizer": ["transformers", "CLIPTokenizer"], "unet": ["diffusers", "UNet2DConditionModel"],
             "vae": ["diffusers", "AutoencoderKL"]}
    index = {"_class_name": "StableDiffusionPipeline", **parts, "safety_checker": [None, None],
             "feature_extractor": [None, None]}
    (folder / "model_index.json").write_text(json.dumps(index))


if __name__ == "__main__":
    write(sys.argv[1], Path(sys.argv[2]))
