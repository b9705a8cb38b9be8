"""The config.json of a network in a single file, which has none: from the shapes of its weights, and from what all
models of a family share."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

import numpy as np

from ppt2v.errors import InputError

from .ldm_names import renamed, vae_table

Tensors = Mapping[str, np.ndarray]

# The same in all models of a family, and not to be seen in the shapes.
_GROUPS, _HEADS, _HEAD_WIDTH = 32, 8, 64  # heads in Stable Diffusion 1.x; their width in 2.x
LATENT_SCALE, LATENT_SCALE_XL = 0.18215, 0.13025
_SIDE, _SIDE_XL = 64, 128  # of the latents that the models were trained on
_SIZE_CHANNELS = 256  # of what a UNet of XL is told of one side of a frame
_CONDITIONED = "add_embedding.linear_1.weight"  # by which networks of XL are known


class Shapes:
    """The shapes of weights by diffusers' names.

    Args:
        tensors: by the names of the file.
        source: the file.
        table: from diffusers' names to those of the file.
    """

    def __init__(self, tensors: Tensors, source: str, table: Mapping[str, str]):
        self._tensors, self._source, self._table = tensors, source, table

    def __contains__(self, name: str) -> bool:
        return renamed(name, self._table) in self._tensors

    def __getitem__(self, name: str) -> tuple[int, ...]:
        return shape(self._tensors, renamed(name, self._table), self._source)

    def numbered(self, form: str) -> int:
        """How many of the names with a number for ``{}`` there are, from 0 on."""
        return next(number for number in count() if form.format(number) not in self)


def shape(tensors: Tensors, name: str, source: str) -> tuple[int, ...]:
    """The shape of a weight; InputError where the file lacks it."""
    if name not in tensors:
        raise lack(source, name)
    return tensors[name].shape


def lack(source: str, name: str) -> InputError:
    """The error for a file without a weight."""
    return InputError(
        "E-SINGLE-FILE-WEIGHT",
        "{source} is not complete: it has no weight {name}; download or copy it again",
        source=source,
        name=name,
    )


def numbered(tensors: Tensors, form: str, step: int = 1) -> int:
    """How many of the names with 0, ``step``, twice ``step``, ... for ``{}`` there are."""
    return next(number for number in count() if form.format(number * step) not in tensors)


def ldm_structure(own: Tensors, source: str) -> dict[str, Any]:
    """The levels of a UNet, of which its names follow."""
    levels: list[list[bool]] = [[]]  # for each layer on the way down, whether it attends to the text
    for number in count(1):
        block = f"input_blocks.{number}"
        if f"{block}.0.op.weight" in own:
            levels.append([])
        elif f"{block}.0.in_layers.2.weight" in own:
            levels[-1].append(f"{block}.1.norm.weight" in own)
        elif all(levels):
            return _structure([level[0] for level in levels], len(levels[0]))
        else:
            shape(own, f"{block}.0.in_layers.2.weight", source)
    raise AssertionError("the loop ends at a block that is not there")


def diffusers_structure(own: Tensors) -> dict[str, Any]:
    """The levels of a ControlNet under diffusers' names."""
    attend = [
        f"down_blocks.{level}.attentions.0.norm.weight" in own
        for level in range(numbered(own, "down_blocks.{}.resnets.0.conv1.weight"))
    ]
    return _structure(attend, numbered(own, "down_blocks.0.resnets.{}.conv1.weight"))


def _structure(attend: list[bool], layers: int) -> dict[str, Any]:
    kinds = [("CrossAttn" if attends else "") for attends in attend]
    return {
        "layers_per_block": layers,
        "down_block_types": [f"{kind}DownBlock2D" for kind in kinds],
        "up_block_types": [f"{kind}UpBlock2D" for kind in reversed(kinds)],
    }


def unet_config(shapes: Shapes, structure: Mapping[str, Any]) -> dict[str, Any]:
    """The config.json of a UNet with the levels that ``ldm_structure`` finds."""
    return {
        "_class_name": "UNet2DConditionModel",
        **structure,
        **_down_config(shapes, structure),
        "out_channels": shapes["conv_out.weight"][0],
        "sample_size": _SIDE_XL if _CONDITIONED in shapes else _SIDE,
    }


def controlnet_config(shapes: Shapes, structure: Mapping[str, Any]) -> dict[str, Any]:
    """The config.json of a ControlNet with the levels that its names tell."""
    embedding = "controlnet_cond_embedding"
    pairs = shapes.numbered(f"{embedding}.blocks.{{}}.weight") // 2
    channels = [
        shapes[f"{embedding}.conv_in.weight"][0],
        *(shapes[f"{embedding}.blocks.{2 * pair + 1}.weight"][0] for pair in range(pairs)),
    ]
    return {
        "_class_name": "ControlNetModel",
        **{name: value for name, value in structure.items() if name != "up_block_types"},
        **_down_config(shapes, structure),
        "conditioning_channels": shapes[f"{embedding}.conv_in.weight"][1],
        "conditioning_embedding_out_channels": channels,
    }


def _down_config(shapes: Shapes, structure: Mapping[str, Any]) -> dict[str, Any]:
    """What a UNet and its ControlNet have in common."""
    levels = range(len(structure["down_block_types"]))
    channels = [shapes[f"down_blocks.{level}.resnets.0.conv1.weight"][0] for level in levels]
    linear = len(shapes["mid_block.attentions.0.proj_in.weight"]) == 2  # as in Stable Diffusion 2.x
    return {
        "in_channels": shapes["conv_in.weight"][1],
        "block_out_channels": channels,
        "cross_attention_dim": shapes["mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight"][1],
        "use_linear_projection": linear,
        # By this name diffusers means the number of the heads.
        "attention_head_dim": [max(1, width // _HEAD_WIDTH) for width in channels] if linear else _HEADS,
        "norm_num_groups": _GROUPS,
        **(_condition_config(shapes, levels) if _CONDITIONED in shapes else {}),
    }


def _condition_config(shapes: Shapes, levels: range) -> dict[str, Any]:
    """What networks of XL alone have: further conditions, and several transformer layers in a block."""
    blocks = "down_blocks.{}.attentions.0.transformer_blocks.{{}}.norm1.weight"
    return {
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": _SIZE_CHANNELS,
        "projection_class_embeddings_input_dim": shapes[_CONDITIONED][1],
        "transformer_layers_per_block": [max(1, shapes.numbered(blocks.format(level))) for level in levels],
    }


def vae_config(own: Tensors, source: str, table: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The config.json of an autoencoder.

    Args:
        own: its weights, without what stands before their names.
        source: the file, for errors.
        table: from diffusers' names to those of the weights; None: those of latent diffusion's code.

    Raises:
        InputError: a weight is missing.
    """
    if table is None:
        levels = numbered(own, "encoder.down.{}.block.0.conv1.weight")
        table = vae_table(levels, numbered(own, "encoder.down.0.block.{}.conv1.weight"))
    shapes = Shapes(own, source, table)
    levels = shapes.numbered("encoder.down_blocks.{}.resnets.0.conv1.weight")
    return {
        "_class_name": "AutoencoderKL",
        "in_channels": shapes["encoder.conv_in.weight"][1],
        "out_channels": shapes["decoder.conv_out.weight"][0],
        "latent_channels": shapes["decoder.conv_in.weight"][1],
        "block_out_channels": [
            shapes[f"encoder.down_blocks.{level}.resnets.0.conv1.weight"][0] for level in range(levels)
        ],
        "layers_per_block": shapes.numbered("encoder.down_blocks.0.resnets.{}.conv1.weight"),
        "down_block_types": ["DownEncoderBlock2D"] * levels,
        "up_block_types": ["UpDecoderBlock2D"] * levels,
        "norm_num_groups": _GROUPS,
        "sample_size": _SIDE * 2 ** (levels - 1),
        "scaling_factor": LATENT_SCALE,
    }


def text_config(shapes: Shapes) -> dict[str, Any]:
    """The config.json of CLIP's text encoder."""
    start = "text_model." if "text_model.embeddings.token_embedding.weight" in shapes else ""
    vocabulary, width = shapes[f"{start}embeddings.token_embedding.weight"]
    first = f"{start}encoder.layers.0"
    return {
        "vocab_size": vocabulary,
        "hidden_size": width,
        "intermediate_size": shapes[f"{first}.mlp.fc1.weight"][0],
        "num_hidden_layers": shapes.numbered(f"{start}encoder.layers.{{}}.mlp.fc1.weight"),
        "num_attention_heads": max(1, width // _HEAD_WIDTH),
        "max_position_embeddings": shapes[f"{start}embeddings.position_embedding.weight"][0],
        "hidden_act": "quick_gelu",
    }
