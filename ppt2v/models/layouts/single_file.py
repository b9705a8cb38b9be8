"""Models in a single file, as model sites offer them: Stable Diffusion 1.x, 2.x, XL, autoencoders and ControlNets.

Such a file has no configuration: that is found from the shapes of its weights, and from what all models of a family
share. The weights have the names of the code that trained them (``ldm_names``, ``openclip_names``); autoencoders and
ControlNets may have diffusers' instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any, NamedTuple

import numpy as np

from ppt2v.errors import InputError
from ppt2v.language import words
from ppt2v.models.formats.reading import WeightFile

from . import contents, openclip_names
from .ldm_names import controlnet_table, inverted, renamed, unet_table, vae_table

Tensors = Mapping[str, np.ndarray]

UNET, VAE, CONTROL = "model.diffusion_model.", "first_stage_model.", "control_model."
CLIP, OPENCLIP = "cond_stage_model.transformer.", "cond_stage_model.model."
_AUTOENCODER = ("encoder.", "decoder.", "quant_conv.", "post_quant_conv.")  # beside which such files hold losses
_WRAPPERS = ("module.", "_orig_mod.", "_forward_module.")  # what training programs put before all names

# The same in all models of a family, and not to be seen in the shapes.
_GROUPS, _HEADS, _HEAD_WIDTH = 32, 8, 64  # heads in Stable Diffusion 1.x; their width in 2.x
LATENT_SCALE, LATENT_SCALE_XL = 0.18215, 0.13025
_SIDE, _SIDE_XL = 64, 128  # of the latents that the models were trained on
_SIZE_CHANNELS = 256  # of what a UNet of XL is told of one side of a frame


_CONDITIONED = "add_embedding.linear_1.weight"  # by which networks of XL are known


class Network(NamedTuple):
    """A network's config.json as diffusers has it, and its weights by diffusers' names, in PyTorch's layout."""

    config: dict[str, Any]
    tensors: dict[str, np.ndarray]


def unet(loaded: WeightFile, source: str) -> Network:
    """The UNet of a model's file.

    Args:
        loaded: what the file holds.
        source: its name, for errors.

    Raises:
        InputError: the file holds no model of these families, or not the whole of it.
    """
    own = _model_part(loaded, UNET, source)
    structure = _ldm_structure(own, source)
    table = unet_table(structure)
    return Network(_unet_config(_Shapes(own, source, table), structure), _under_diffusers_names(own, table))


def text_encoder(loaded: WeightFile, source: str) -> Network:
    """The text encoder of a model's file; that of Stable Diffusion 2.x without its last layer, which is not used; of XL
    the first one.

    Arguments and errors are those of ``unet``.
    """
    if is_xl(loaded):
        own = _model_part(loaded, contents.FIRST, source)
        return Network(_text_config(_Shapes(own, source, {})), own)
    if is_second(loaded):
        config, own = openclip_names.without_last_layer(_model_part(loaded, OPENCLIP, source))
        return Network(config, _under_diffusers_names(own, openclip_names.table(config["num_hidden_layers"])))
    own = _model_part(loaded, CLIP, source)
    own.pop("text_projection.weight", None)  # of CLIP, which such models have no use for
    return Network(_text_config(_Shapes(own, source, {})), own)


def second_text_encoder(loaded: WeightFile, source: str) -> Network:
    """The second text encoder of a file of XL, with all its layers; arguments and errors are those of ``unet``."""
    config, own = openclip_names.with_projection(_model_part(loaded, contents.SECOND, source))
    return Network(config, _under_diffusers_names(own, openclip_names.table(config["num_hidden_layers"])))


def vae(loaded: WeightFile, source: str) -> Network:
    """The autoencoder of a model's file, or that of a file of its own; arguments and errors are those of ``unet``."""
    names = _unwrapped(loaded.tensors)
    own = _after(names, VAE)
    if not own:
        own = {name: array for name, array in names.items() if name.startswith(_AUTOENCODER)}
    if "decoder.conv_in.weight" not in own:
        advice = (
            words("give its autoencoder beside it")
            if _after(names, UNET)
            else words("give that of a model of Stable Diffusion")
        )
        raise InputError(
            "E-SINGLE-FILE-VAE",
            "{source} holds {held} and no autoencoder (none of its weights begins with {prefix}); {advice}: vae=... "
            "(--vae FILE, FOLDER or ID)",
            source=source,
            held=contents.describe(names),
            prefix=VAE,
            advice=advice,
        )
    if "encoder.down_blocks.0.resnets.0.conv1.weight" in own:
        return Network(vae_config(own, source, {}), own)
    config = {**vae_config(own, source), "scaling_factor": latent_scale(loaded)}
    table = vae_table(len(config["block_out_channels"]), config["layers_per_block"])
    tensors = _under_diffusers_names(own, table)
    return Network(
        config, {name: _matrix(array) if ".attentions." in name else array for name, array in tensors.items()}
    )


def controlnet(loaded: WeightFile, source: str) -> Network:
    """The ControlNet of a file; arguments and errors are those of ``unet``."""
    names = _unwrapped(loaded.tensors)
    own = _after(names, CONTROL) or names
    if "controlnet_cond_embedding.conv_in.weight" in own:
        structure, table = _diffusers_structure(own), {}
    elif "input_hint_block.0.weight" in own:
        structure = _ldm_structure(own, source)
        hints = _numbered(own, "input_hint_block.{}.weight", step=2)
        structure["conditioning_embedding_out_channels"] = [
            _shape(own, f"input_hint_block.{2 * place}.weight", source)[0] for place in range(0, hints - 1, 2)
        ]
        table = controlnet_table(structure)
    elif any(name.startswith(CONTROL) for name in names):
        raise _lack(source, "input_hint_block.0.weight")
    else:
        raise InputError(
            "E-SINGLE-FILE-CONTROLNET",
            "{source} holds {held} and no ControlNet; give one that was made for the model",
            source=source,
            held=contents.describe(names),
        )
    return Network(_controlnet_config(_Shapes(own, source, table), structure), _under_diffusers_names(own, table))


def is_second(loaded: WeightFile) -> bool:
    """Whether a model is one of Stable Diffusion 2.x."""
    return any(name.startswith(OPENCLIP) for name in _unwrapped(loaded.tensors))


def is_xl(loaded: WeightFile) -> bool:
    """Whether it is a whole model of Stable Diffusion XL."""
    return contents.is_xl(_unwrapped(loaded.tensors))


def latent_scale(loaded: WeightFile) -> float:
    """By what the latents of a model's autoencoder are multiplied."""
    return LATENT_SCALE_XL if is_xl(loaded) else LATENT_SCALE


def _model_part(loaded: WeightFile, prefix: str, source: str) -> dict[str, np.ndarray]:
    names = _unwrapped(loaded.tensors)
    if not (contents.is_stable_diffusion(names) or contents.is_xl(names)):
        raise InputError(
            "E-SINGLE-FILE-MODEL",
            "{source} holds {held} and no model of Stable Diffusion 1.x, 2.x or XL; {advice}",
            source=source,
            held=contents.describe(names),
            advice=contents.advice(names),
        )
    own = _after(names, prefix)
    if not own:
        raise InputError(
            "E-SINGLE-FILE-PARTS",
            "{source} is no complete model: none of its weights begins with {prefix}; give a whole one, or a folder "
            "in the layout of diffusers",
            source=source,
            prefix=prefix,
        )
    return own


def _unwrapped(names: Tensors) -> Tensors:
    wrappers = _WRAPPERS if not any(name.startswith(f"model.{UNET}") for name in names) else (*_WRAPPERS, "model.")
    for wrapper in wrappers:
        if names and all(name.startswith(wrapper) for name in names):
            return _unwrapped(_after(names, wrapper))
    return names


def _after(names: Tensors, prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): array for name, array in names.items() if name.startswith(prefix)}


def _under_diffusers_names(own: Tensors, table: Mapping[str, str]) -> dict[str, np.ndarray]:
    """The weights renamed; a name that is not in the table stays as it is."""
    back = inverted(table)
    return {renamed(name, back): array for name, array in own.items()}


def _matrix(array: np.ndarray) -> np.ndarray:
    """A convolution of one point, of which the attention was made, as a matrix."""
    return array[..., 0, 0] if array.ndim == 4 else array


class _Shapes:
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
        return _shape(self._tensors, renamed(name, self._table), self._source)

    def numbered(self, form: str) -> int:
        """How many of the names with a number for ``{}`` there are, from 0 on."""
        return next(number for number in count() if form.format(number) not in self)


def _shape(tensors: Tensors, name: str, source: str) -> tuple[int, ...]:
    if name not in tensors:
        raise _lack(source, name)
    return tensors[name].shape


def _lack(source: str, name: str) -> InputError:
    return InputError(
        "E-SINGLE-FILE-WEIGHT",
        "{source} is not complete: it has no weight {name}; download or copy it again",
        source=source,
        name=name,
    )


def _numbered(tensors: Tensors, form: str, step: int = 1) -> int:
    return next(number for number in count() if form.format(number * step) not in tensors)


def _ldm_structure(own: Tensors, source: str) -> dict[str, Any]:
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
            _shape(own, f"{block}.0.in_layers.2.weight", source)
    raise AssertionError("the loop ends at a block that is not there")


def _diffusers_structure(own: Tensors) -> dict[str, Any]:
    attend = [
        f"down_blocks.{level}.attentions.0.norm.weight" in own
        for level in range(_numbered(own, "down_blocks.{}.resnets.0.conv1.weight"))
    ]
    return _structure(attend, _numbered(own, "down_blocks.0.resnets.{}.conv1.weight"))


def _structure(attend: list[bool], layers: int) -> dict[str, Any]:
    kinds = [("CrossAttn" if attends else "") for attends in attend]
    return {
        "layers_per_block": layers,
        "down_block_types": [f"{kind}DownBlock2D" for kind in kinds],
        "up_block_types": [f"{kind}UpBlock2D" for kind in reversed(kinds)],
    }


def _unet_config(shapes: _Shapes, structure: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "_class_name": "UNet2DConditionModel",
        **structure,
        **_down_config(shapes, structure),
        "out_channels": shapes["conv_out.weight"][0],
        "sample_size": _SIDE_XL if _CONDITIONED in shapes else _SIDE,
    }


def _controlnet_config(shapes: _Shapes, structure: Mapping[str, Any]) -> dict[str, Any]:
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


def _down_config(shapes: _Shapes, structure: Mapping[str, Any]) -> dict[str, Any]:
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


def _condition_config(shapes: _Shapes, levels: range) -> dict[str, Any]:
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
        levels = _numbered(own, "encoder.down.{}.block.0.conv1.weight")
        table = vae_table(levels, _numbered(own, "encoder.down.0.block.{}.conv1.weight"))
    shapes = _Shapes(own, source, table)
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


def _text_config(shapes: _Shapes) -> dict[str, Any]:
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
