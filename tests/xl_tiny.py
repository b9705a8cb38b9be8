"""A tiny Stable Diffusion XL whose weights follow from their names, as a single file and as a folder.

Names, shapes and numbers are those of tests/data/make_stable_diffusion_xl_reference.py.
"""

from __future__ import annotations

import json
import math
import zlib
from pathlib import Path

import numpy as np
from conftest import DATA
from safetensors.numpy import save_file

REFERENCE = DATA / "stable_diffusion_xl_reference"
NAMES = json.loads((REFERENCE / "names.json").read_text(encoding="utf-8"))
FIRST, SECOND = "conditioner.embedders.0.", "conditioner.embedders.1."  # what the names of text encoders begin with
_VOCABULARY = DATA / "checkpoints" / "tokenizer" / "tokenizer.json"
_END = "<|endoftext|>"


def seeded(name: str, shape: tuple[int, ...]) -> np.ndarray:
    numbers = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape).astype(np.float32)
    if len(shape) > 1:
        return numbers / np.float32(math.sqrt(math.prod(shape[1:])))
    return np.asarray(numbers / 10 + (1 if name.endswith("weight") else 0), np.float32)


def tensors() -> dict[str, np.ndarray]:
    """What the single file of the model holds."""
    networks = NAMES["networks"]
    shapes = {name: shape for part in networks if part != "controlnet" for name, shape in networks[part].values()}
    return {name: seeded(name, tuple(shape)) for name, shape in {**shapes, **NAMES["text_encoder_2"]}.items()}


def save(file: Path, arrays: dict[str, np.ndarray]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, file, {"format": "pt"})
    return file


def write_tokenizer(folder: Path, padding: str = _END) -> Path:
    model = json.loads(_VOCABULARY.read_text(encoding="utf-8"))["model"]
    special = {"bos_token": "<|startoftext|>", "eos_token": _END, "unk_token": _END, "pad_token": padding}
    _write(folder / "vocab.json", model["vocab"])
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *(" ".join(pair) for pair in model["merges"]), ""]))
    _write(folder / "tokenizer_config.json", {**special, "model_max_length": 77})
    _write(folder / "special_tokens_map.json", special)
    return folder


def write_folder(folder: Path, file: Path) -> Path:
    """The model in the layout of diffusers, with the configurations and weights that its single file leads to."""
    from ppt2v.models.families import parts
    from ppt2v.models.formats import reading

    own = ("unet", "vae", "text_encoder", "text_encoder_2")
    for part in own:
        found = parts.files(file, part)
        name = "model.safetensors" if "text" in part else "diffusion_pytorch_model.fp16.safetensors"
        save(folder / part / name, found.convert(reading.read(file)).tensors)
        _write(folder / part / "config.json", found.config)
    write_tokenizer(folder / "tokenizer")
    write_tokenizer(folder / "tokenizer_2", "!")
    schedule = {"_class_name": "EulerDiscreteScheduler", "beta_start": 0.00085, "beta_end": 0.012, "steps_offset": 1}
    schedule |= {"beta_schedule": "scaled_linear", "prediction_type": "epsilon", "use_karras_sigmas": False}
    _write(folder / "scheduler" / "scheduler_config.json", schedule)
    index = {part: ["diffusers", "Some"] for part in (*own, "tokenizer", "tokenizer_2", "scheduler")}
    index["text_encoder"] = ["transformers", "CLIPTextModel"]
    _write(folder / "model_index.json", {"_class_name": "StableDiffusionXLPipeline", **index})
    return folder


def write_controlnet(folder: Path) -> Path:
    """A ControlNet of XL in the layout of diffusers."""
    named = NAMES["networks"]["controlnet"]
    save(
        folder / "diffusion_pytorch_model.safetensors",
        {name: seeded(theirs, tuple(shape)) for name, (theirs, shape) in named.items()},
    )
    config = {
        "_class_name": "ControlNetModel",
        "in_channels": 4,
        "block_out_channels": [64, 128],
        "layers_per_block": 1,
        "cross_attention_dim": 192,
        "attention_head_dim": [1, 2],
        "transformer_layers_per_block": [1, 2],
        "use_linear_projection": True,
        "norm_num_groups": 32,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": 128 + 6 * 256,
        "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"],
        "conditioning_embedding_out_channels": [4, 8],
    }
    _write(folder / "config.json", config)
    return folder


def _write(file: Path, content) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content), encoding="utf-8")
