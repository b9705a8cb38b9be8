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
_PROJECTION = "text_projection"
_UNUSED = (_PROJECTION, "logit_scale", "attn_mask")


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
    last = _last_block(tensors)
    unused = ("visual.", f"transformer.resblocks.{last}.")
    own = {name: array for name, array in tensors.items() if not name.startswith(unused) and name not in _UNUSED}
    return _config(tensors, "CLIPTextModel", last), separate(own)


def with_projection(tensors: Tensors) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The config.json of the whole text tower with what projects a text as a whole, and the weights of both.

    The rest, and the errors, are as for ``without_last_layer``.
    """
    layers = _last_block(tensors) + 1
    own = {name: array for name, array in tensors.items() if not name.startswith("visual.") and name not in _UNUSED}
    if _PROJECTION in tensors:
        own[f"{_PROJECTION}.weight"] = tensors[_PROJECTION].T
    if f"{_PROJECTION}.weight" not in own:
        raise InputError(
            "E-OPENCLIP-PROJECTION",
            "the second text encoder's checkpoint has no {name}; give the file as published",
            name=_PROJECTION,
        )
    config = _config(tensors, "CLIPTextModelWithProjection", layers)
    return {**config, "projection_dim": own[f"{_PROJECTION}.weight"].shape[0]}, separate(own)


def _last_block(tensors: Tensors) -> int:
    blocks = [int(name.split(".")[2]) for name in tensors if re.match(r"transformer\.resblocks\.\d+\.", name)]
    if not blocks or "token_embedding.weight" not in tensors:
        raise InputError(
            "E-MODELSCOPE-TEXT-ENCODER",
            "the text encoder's checkpoint holds no OpenCLIP text tower; give the file as published",
        )
    return max(blocks)


def _config(tensors: Tensors, architecture: str, layers: int) -> dict[str, Any]:
    words, width = tensors["token_embedding.weight"].shape
    return {
        "architectures": [architecture],
        "model_type": "clip_text_model",
        "vocab_size": words,
        "hidden_size": width,
        "intermediate_size": tensors["transformer.resblocks.0.mlp.c_fc.weight"].shape[0],
        "num_hidden_layers": layers,
        "num_attention_heads": max(1, width // HEAD_WIDTH),
        "max_position_embeddings": tensors["positional_embedding"].shape[0],
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-5,
    }


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
