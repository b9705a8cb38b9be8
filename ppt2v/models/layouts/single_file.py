"""Models in a single file, as model sites offer them: Stable Diffusion 1.x, 2.x, XL, autoencoders and ControlNets.

Such a file has no configuration: that is found from the shapes of its weights (``file_configs``). The weights have the
names of the code that trained them (``ldm_names``, ``openclip_names``); autoencoders and ControlNets may have
diffusers' instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ppt2v.errors import InputError
from ppt2v.language import words
from ppt2v.models.formats.reading import WeightFile

from . import contents, openclip_names
from .file_configs import (
    LATENT_SCALE,
    LATENT_SCALE_XL,
    Shapes,
    controlnet_config,
    diffusers_structure,
    lack,
    ldm_structure,
    numbered,
    shape,
    text_config,
    unet_config,
    vae_config,
)
from .ldm_names import controlnet_table, inverted, renamed, unet_table, vae_table

Tensors = Mapping[str, np.ndarray]

UNET, VAE, CONTROL = "model.diffusion_model.", "first_stage_model.", "control_model."
CLIP, OPENCLIP = "cond_stage_model.transformer.", "cond_stage_model.model."
_AUTOENCODER = ("encoder.", "decoder.", "quant_conv.", "post_quant_conv.")  # beside which such files hold losses
_WRAPPERS = ("module.", "_orig_mod.", "_forward_module.")  # what training programs put before all names


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
    structure = ldm_structure(own, source)
    table = unet_table(structure)
    return Network(unet_config(Shapes(own, source, table), structure), _under_diffusers_names(own, table))


def text_encoder(loaded: WeightFile, source: str) -> Network:
    """The text encoder of a model's file; that of Stable Diffusion 2.x without its last layer, which is not used; of XL
    the first one.

    Arguments and errors are those of ``unet``.
    """
    if is_xl(loaded):
        own = _model_part(loaded, contents.FIRST, source)
        return Network(text_config(Shapes(own, source, {})), own)
    if is_second(loaded):
        config, own = openclip_names.without_last_layer(_model_part(loaded, OPENCLIP, source))
        return Network(config, _under_diffusers_names(own, openclip_names.table(config["num_hidden_layers"])))
    own = _model_part(loaded, CLIP, source)
    own.pop("text_projection.weight", None)  # of CLIP, which such models have no use for
    return Network(text_config(Shapes(own, source, {})), own)


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
        structure, table = diffusers_structure(own), {}
    elif "input_hint_block.0.weight" in own:
        structure = ldm_structure(own, source)
        hints = numbered(own, "input_hint_block.{}.weight", step=2)
        structure["conditioning_embedding_out_channels"] = [
            shape(own, f"input_hint_block.{2 * place}.weight", source)[0] for place in range(0, hints - 1, 2)
        ]
        table = controlnet_table(structure)
    elif any(name.startswith(CONTROL) for name in names):
        raise lack(source, "input_hint_block.0.weight")
    else:
        raise InputError(
            "E-SINGLE-FILE-CONTROLNET",
            "{source} holds {held} and no ControlNet; give one that was made for the model",
            source=source,
            held=contents.describe(names),
        )
    return Network(controlnet_config(Shapes(own, source, table), structure), _under_diffusers_names(own, table))


def is_second(loaded: WeightFile) -> bool:
    """Whether a model is one of Stable Diffusion 2.x."""
    return any(name.startswith(OPENCLIP) for name in _unwrapped(loaded.tensors))


def is_xl(loaded: WeightFile) -> bool:
    """Whether it is a whole model of Stable Diffusion XL."""
    return contents.is_xl(_unwrapped(loaded.tensors))


def is_whole(loaded: WeightFile) -> bool:
    """Whether it is a whole model of Stable Diffusion 1.x, 2.x or XL."""
    names = _unwrapped(loaded.tensors)
    return contents.is_stable_diffusion(names) or contents.is_xl(names)


def latent_scale(loaded: WeightFile) -> float:
    """By what the latents of a model's autoencoder are multiplied."""
    return LATENT_SCALE_XL if is_xl(loaded) else LATENT_SCALE


def _model_part(loaded: WeightFile, prefix: str, source: str) -> dict[str, np.ndarray]:
    names = _unwrapped(loaded.tensors)
    if not is_whole(loaded):
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
