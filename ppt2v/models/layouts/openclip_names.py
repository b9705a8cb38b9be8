"""OpenCLIP's text encoder, which ModelScope's files and single files of Stable Diffusion 2.x hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from ppt2v.errors import InputError

Tensors = Mapping[str, np.ndarray]

HEAD_WIDTH = 64  # of an attention head
_ENCODER = {
    "embeddings.token_embedding": "token_embedding",
    "embeddings.position_embedding.weight": "positional_embedding",
    "final_layer_norm": "ln_final",
}
_LAYER = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "self_attn": "attn",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
}
_UNUSED = ("text_projection", "logit_scale", "attn_mask")


def table(layers: int) -> dict[str, str]:
    """For beginnings of CLIPTextModel's names those that OpenCLIP has in their place."""
    names = {f"text_model.{ours}": theirs for ours, theirs in _ENCODER.items()}
    for layer in range(layers):
        names |= {
            f"text_model.encoder.layers.{layer}.{ours}": f"transformer.resblocks.{layer}.{theirs}"
            for ours, theirs in _LAYER.items()
        }
    return names


def without_last_layer(tensors: Tensors) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The config.json of the text tower but for its last layer, whose result is not used, and the weights of that.

    The weights keep OpenCLIP's names, with query, key and value apart; the image tower is left out.

    Raises:
        InputError: there is no text tower.
    """
    blocks = [int(name.split(".")[2]) for name in tensors if re.match(r"transformer\.resblocks\.\d+\.", name)]
    if not blocks or "token_embedding.weight" not in tensors:
        raise InputError(
            "E-MODELSCOPE-TEXT-ENCODER",
            "the text encoder's checkpoint holds no OpenCLIP text tower; give the file as published",
        )
    unused = ("visual.", f"transformer.resblocks.{max(blocks)}.")
    own = {name: array for name, array in tensors.items() if not name.startswith(unused) and name not in _UNUSED}
    words, width = own["token_embedding.weight"].shape
    config = {
        "architectures": ["CLIPTextModel"],
        "model_type": "clip_text_model",
        "vocab_size": words,
        "hidden_size": width,
        "intermediate_size": tensors["transformer.resblocks.0.mlp.c_fc.weight"].shape[0],
        "num_hidden_layers": max(blocks),
        "num_attention_heads": max(1, width // HEAD_WIDTH),
        "max_position_embeddings": own["positional_embedding"].shape[0],
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-5,
    }
    return config, separate(own)


def separate(tensors: Tensors) -> dict[str, np.ndarray]:
    """Tells the query, key and value projections apart, which OpenCLIP keeps in one matrix."""
    found: dict[str, np.ndarray] = {}
    for name, array in tensors.items():
        match = re.match(r"(.*\.)in_proj_(weight|bias)$", name)
        if match:
            found.update(zip((f"{match[1]}{kind}_proj.{match[2]}" for kind in "qkv"), np.split(array, 3)))
        else:
            found[name] = array
    return found


def unite(tensors: Tensors) -> dict[str, np.ndarray]:
    """The other way round."""
    found = {}
    for name, array in tensors.items():
        match = re.match(r"(.*\.)([qkv])_proj\.(weight|bias)$", name)
        if not match:
            found[name] = array
        elif match[2] == "q":
            parts = [tensors[f"{match[1]}{kind}_proj.{match[3]}"] for kind in "qkv"]
            found[f"{match[1]}in_proj_{match[3]}"] = np.concatenate(parts)
    return found
