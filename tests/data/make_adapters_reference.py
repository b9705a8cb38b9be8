"""Writes tests/data/adapters_reference: LoRA and textual inversion files, and what PyTorch diffusers makes of them.

The model is that of tests/data/text2video_reference. LoRA files are merged by diffusers' own ``load_lora_weights`` and
``fuse_lora``. Of a model in a single file only names and shapes are kept, since its weights follow from the names
(``seeded``); diffusers' own conversion of such files makes the networks that give the expected outputs. Made with torch
2.13, diffusers 0.42.1, transformers 5 and peft 0.21, which the tests do not need.
"""

from __future__ import annotations

import json
import math
import re
import shutil
import zlib

import numpy as np
import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
from diffusers.loaders.single_file_utils import (
    convert_ldm_clip_checkpoint,
    convert_ldm_unet_checkpoint,
    convert_ldm_vae_checkpoint,
)
from make_text2video_reference import FOLDER as BASE
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel

FOLDER = BASE.parent / "adapters_reference"
RANK, ALPHA, STRENGTH = 2, 3.0, 0.7
PROMPT = "a fox like <thing> in the snow"
TOKEN = "<thing>"


def load() -> StableDiffusionPipeline:
    return StableDiffusionPipeline.from_pretrained(BASE / "model", safety_checker=None)


@torch.no_grad()
def outputs(model: StableDiffusionPipeline, prompt: str = "the fox in the snow") -> dict[str, np.ndarray]:
    """What the text encoder makes of a prompt, and the UNet of seeded latents under it."""
    prompt = model.maybe_convert_prompt(prompt, model.tokenizer)
    ids = model.tokenizer(prompt, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids
    text = model.text_encoder(ids)[0]
    latents = torch.from_numpy(seeded("latents", (1, 4, 8, 8)))
    return {"text": text.numpy(), "noise": model.unet(latents, 801, encoder_hidden_states=text).sample.numpy()}


# LoRA


def lora_layers(network, kinds: tuple[str, ...]) -> dict[str, torch.nn.Module]:
    """Every layer whose name ends with one of ``kinds``."""
    return {name: layer for name, layer in network.named_modules() if name.endswith(kinds)}


def matrices(layer, name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Down and up for a Linear or a convolution."""
    out, inside, *kernel = layer.weight.shape
    down = torch.from_numpy(seeded(f"{name} down", (RANK, inside, *kernel)))
    up = torch.from_numpy(seeded(f"{name} up", (out, RANK, *[1 for _ in kernel])))
    return down, up


def kohya(model) -> dict[str, torch.Tensor]:
    """Attention, feed-forward, projections and convolutions of both networks, with an alpha that is not the rank."""
    unet = (
        ".to_q",
        ".to_out.0",
        ".ff.net.0.proj",
        ".proj_in",
        ".proj_out",
        ".conv1",
        ".conv_shortcut",
        ".time_emb_proj",
        "downsamplers.0.conv",
        "upsamplers.0.conv",
    )
    tensors = {}
    for prefix, network, kinds in (
        ("lora_unet", model.unet, unet),
        ("lora_te", model.text_encoder, (".q_proj", ".out_proj", ".fc1")),
    ):
        for name, layer in lora_layers(network, kinds).items():
            full = name if prefix == "lora_unet" or name.startswith("text_model.") else f"text_model.{name}"
            key = f"{prefix}_{full.replace('.', '_')}"
            down, up = matrices(layer, key)
            tensors |= {
                f"{key}.lora_down.weight": down,
                f"{key}.lora_up.weight": up,
                f"{key}.alpha": torch.tensor(ALPHA),
            }
    return tensors


def old_diffusers(model) -> dict[str, torch.Tensor]:
    """As diffusers' training scripts wrote before PEFT."""
    tensors = {}
    for name, layer in lora_layers(model.unet, (".to_q", ".to_k", ".to_v", ".to_out.0")).items():
        block, kind = re.fullmatch(r"(.+)\.(to_.)[a-z.0]*", name).groups()
        key = f"unet.{block}.processor.{'to_out' if kind == 'to_o' else kind}_lora"
        down, up = matrices(layer, key)
        tensors |= {f"{key}.down.weight": down, f"{key}.up.weight": up}
    return tensors


def write_peft(model) -> None:
    """As diffusers writes today, with an alpha that is not the rank and is said in the metadata."""
    from peft import LoraConfig

    config = LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=["to_k", "to_v", "to_out.0", "conv2"])
    text = LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=["q_proj", "fc2"])
    model.unet.add_adapter(config)
    model.text_encoder.add_adapter(text)
    from diffusers.utils import convert_state_dict_to_diffusers
    from peft.utils import get_peft_model_state_dict

    states, metadata = {}, {}
    for part, network in (("unet", model.unet), ("text_encoder", model.text_encoder)):
        state = convert_state_dict_to_diffusers(get_peft_model_state_dict(network))
        states[f"{part}_lora_layers"] = {
            name: torch.from_numpy(seeded(f"{part} {name}", tuple(value.shape))) for name, value in state.items()
        }
        plain = network.peft_config["default"].to_dict()
        changed = {"target_modules": sorted(plain["target_modules"]), "base_model_name_or_path": None}
        metadata[f"{part}_lora_adapter_metadata"] = {**plain, **changed}
    StableDiffusionPipeline.save_lora_weights(FOLDER, **states, **metadata, weight_name="peft.safetensors")


def fused(*files: str) -> dict[str, np.ndarray]:
    model = load()
    for number, file in enumerate(files):
        model.load_lora_weights(FOLDER, weight_name=file, adapter_name=str(number))
    model.set_adapters([str(number) for number in range(len(files))], [1.0] * len(files))
    model.fuse_lora(lora_scale=STRENGTH, adapter_names=[str(number) for number in range(len(files))])
    return outputs(model)


# Textual inversion


def write_inversions(width: int) -> None:
    vectors = torch.from_numpy(seeded("vectors", (2, width)))
    save_file({TOKEN: vectors[0]}, FOLDER / "one.safetensors")
    torch.save({TOKEN: vectors}, FOLDER / "two.bin")
    torch.save(
        {
            "string_to_token": {"*": 265},
            "string_to_param": {"*": vectors},
            "name": "thing",
            "step": 10,
            "sd_checkpoint": None,
            "sd_checkpoint_name": None,
        },
        FOLDER / "thing.pt",
    )
    save_file({"emb_params": vectors}, FOLDER / "thing.safetensors")


def inverted(file: str) -> dict[str, np.ndarray]:
    model = load()
    model.load_textual_inversion(FOLDER, weight_name=file, token=TOKEN)
    return outputs(model, PROMPT)


# A model in a single file

UNET = {
    "sample_size": 64,
    "block_out_channels": (32, 32, 64),
    "layers_per_block": 2,
    "cross_attention_dim": 128,
    "attention_head_dim": 8,
    "norm_num_groups": 32,
    "down_block_types": ("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
}
VAE = {
    "block_out_channels": (32, 64),
    "layers_per_block": 2,
    "latent_channels": 4,
    "norm_num_groups": 32,
    "down_block_types": ("DownEncoderBlock2D",) * 2,
    "up_block_types": ("UpDecoderBlock2D",) * 2,
}
RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}


def seeded(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Weights that follow from their name; the test computes the same, so that none need be stored."""
    numbers = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape).astype(np.float32)
    if len(shape) > 1:
        return numbers / np.float32(math.sqrt(math.prod(shape[1:])))
    return numbers / 10 + (1 if name.endswith("weight") else 0)


def ldm_unet(name: str) -> str:
    """What the code that trained Stable Diffusion calls a layer."""
    for ours, theirs in {
        "time_embedding.linear_1": "time_embed.0",
        "time_embedding.linear_2": "time_embed.2",
        "conv_in": "input_blocks.0.0",
        "conv_norm_out": "out.0",
        "conv_out": "out.2",
    }.items():
        if name.startswith(f"{ours}."):
            return name.replace(ours, theirs)
    kind = re.search(r"(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.+)", name)
    place, rest = int(kind[2]), kind[3]
    if kind[1] == "resnets":
        layer, end = rest.split(".")
        rest = f"{RESNET[layer]}.{end}"
    if name.startswith("mid_block"):
        return f"middle_block.{1 if kind[1] == 'attentions' else 2 * place}.{rest}"
    level, layers = int(name.split(".")[1]), UNET["layers_per_block"]
    if name.startswith("down_blocks"):
        if kind[1] == "downsamplers":
            return f"input_blocks.{(level + 1) * (layers + 1)}.0.{rest.replace('conv', 'op')}"
        return f"input_blocks.{1 + level * (layers + 1) + place}.{int(kind[1] == 'attentions')}.{rest}"
    if kind[1] == "upsamplers":
        inner = 2 if "CrossAttn" in UNET["up_block_types"][level] else 1
        return f"output_blocks.{level * (layers + 1) + layers}.{inner}.{rest}"
    return f"output_blocks.{level * (layers + 1) + place}.{int(kind[1] == 'attentions')}.{rest}"


def ldm_vae(name: str) -> str:
    levels = len(VAE["block_out_channels"])
    name = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", name)
    for ours, theirs in {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}.items():
        name = name.replace(f"mid_block.attentions.0.{ours}", f"mid.attn_1.{theirs}")
    name = re.sub(r"down_blocks\.(\d)\.resnets", r"down.\1.block", name)
    name = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", name)
    name = re.sub(r"up_blocks\.(\d)\.resnets", lambda m: f"up.{levels - 1 - int(m[1])}.block", name)
    name = re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{levels - 1 - int(m[1])}.upsample", name)
    return name.replace("conv_shortcut", "nin_shortcut").replace("conv_norm_out", "norm_out")


def ldm_shape(name: str, shape: tuple[int, ...]) -> list[int]:
    """The attention of the VAE was made of 1x1 convolutions."""
    return [*shape, 1, 1] if ".attn_1." in name and len(shape) == 2 else list(shape)


@torch.no_grad()
def write_single_file(vocabulary: int) -> dict[str, np.ndarray]:
    text_config = CLIPTextConfig(
        vocab_size=vocabulary,
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=77,
        bos_token_id=vocabulary - 2,
        eos_token_id=vocabulary - 1,
    )
    unet, vae, text = UNet2DConditionModel(**UNET), AutoencoderKL(**VAE), CLIPTextModel(text_config)
    shapes = {
        **{f"model.diffusion_model.{ldm_unet(name)}": list(value.shape) for name, value in unet.state_dict().items()},
        **{
            f"first_stage_model.{ldm_vae(name)}": ldm_shape(ldm_vae(name), tuple(value.shape))
            for name, value in vae.state_dict().items()
        },
        **{
            f"cond_stage_model.transformer.text_model.{name.removeprefix('text_model.')}": list(value.shape)
            for name, value in text.state_dict().items()
            if not name.endswith("position_ids")
        },
    }
    (FOLDER / "single_file.json").write_text(json.dumps(shapes, indent=0), encoding="utf-8")
    state = {name: torch.from_numpy(seeded(name, tuple(shape))) for name, shape in shapes.items()}
    unet.load_state_dict(convert_ldm_unet_checkpoint(dict(state), dict(unet.config)))
    vae.load_state_dict(convert_ldm_vae_checkpoint(dict(state), dict(vae.config)))
    converted = convert_ldm_clip_checkpoint(dict(state))
    own = set(text.state_dict())
    text.load_state_dict(
        {name if name in own else name.removeprefix("text_model."): value for name, value in converted.items()}
    )
    latents = torch.from_numpy(seeded("latents", (1, 4, 8, 8)))
    picture = torch.from_numpy(seeded("picture", (1, 3, 16, 16)))
    hidden = text(torch.arange(77)[None])[0]
    return {
        "text": hidden.numpy(),
        "noise": unet(latents, 801, encoder_hidden_states=hidden).sample.numpy(),
        "picture": vae.decode(latents).sample.numpy(),
        "latents": vae.encode(picture).latent_dist.mean.numpy(),
    }


def main() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    model = load()
    save_file(kohya(model), FOLDER / "kohya.safetensors")
    save_file(old_diffusers(model), FOLDER / "old.safetensors")
    width = model.text_encoder.config.hidden_size
    write_inversions(width)
    cases = {"none": outputs(model), "single file": write_single_file(model.text_encoder.config.vocab_size)}
    write_peft(load())
    for files in (["kohya"], ["old"], ["peft"], ["kohya", "old"]):
        cases[" ".join(files)] = fused(*(f"{file}.safetensors" for file in files))
    for file in ("one.safetensors", "two.bin", "thing.pt", "thing.safetensors"):
        cases[file] = inverted(file)
    np.savez_compressed(
        FOLDER / "outputs.npz",
        **{f"{case} {name}": array for case, arrays in cases.items() for name, array in arrays.items()},
    )


if __name__ == "__main__":
    main()
