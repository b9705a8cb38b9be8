"""Tiny autoencoders (TAESD) that show what a run is making, sooner than the model's own would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ppt2v.errors import InputError
from ppt2v.language import words
from ppt2v.models.layouts import single_file
from ppt2v.models.loading.weights import NetworkFiles, build_network, network_files
from ppt2v.models.sources import network

# By which the latents are scaled that the published ones show; nothing in their files tells them apart.
_SCALES = {"taesd": 0.18215, "taesdxl": 0.13025}
_CLASS, _NEEDS = "AutoencoderTiny", ("latent_channels", "decoder_block_out_channels")


def preview_decoder_files(name: str, vae: dict[str, Any]) -> NetworkFiles:
    """The configuration and the weights of a tiny autoencoder.

    Args:
        name: its folder or id.
        vae: the configuration of the model's own autoencoder.

    Raises:
        InputError: it is none, or its latents are not of the model's kind; by its name before anything is downloaded.
    """
    _check_scale(name, vae)
    place = network.place(name, network.PREVIEW_VAE)
    if place.is_file():
        raise InputError(
            "E-PREVIEW-FILE",
            "preview_vae={name} is a file: give a folder with the config.json of an AutoencoderTiny, or an id such as "
            "madebyollin/taesd",
            name=name,
        )
    found = network_files(Path(place), single_file.vae, _CLASS, _NEEDS)
    own = vae["latent_channels"], len(vae["block_out_channels"])
    its = found.config["latent_channels"], len(found.config["decoder_block_out_channels"])
    if its != own:
        raise InputError(
            "E-PREVIEW-FAMILY",
            "preview_vae={name} is for another family of models: its latents have {channels} channels and cells of "
            "{side} pixels, the model's {own_channels} and {own_side}",
            name=name,
            channels=its[0],
            side=2 ** (its[1] - 1),
            own_channels=own[0],
            own_side=2 ** (own[1] - 1),
        )
    return found


def _check_scale(name: str, vae: dict[str, Any]) -> None:
    scale = _SCALES.get(Path(name).name.lower())
    own = vae.get("scaling_factor", scale)
    if own != scale and scale is not None:
        fitting = next((f"madebyollin/{other}" for other, its in _SCALES.items() if its == own), None)
        raise InputError(
            "E-PREVIEW-SCALE",
            "preview_vae={name} shows latents that are scaled by {scale}, and the model's are scaled by {own}: it was "
            "made for another family; {advice}",
            name=name,
            scale=scale,
            own=own,
            advice=words("give {name}", name=fitting) if fitting else words("leave it out"),
        )


def load_preview_decoder(name: str, vae: dict[str, Any], precision: str) -> Any:
    """The network, which reads its weights when it is needed; arguments and errors as ``preview_decoder_files``."""
    from ppdiffusers import AutoencoderTiny

    return build_network(AutoencoderTiny, preview_decoder_files(name, vae), precision)
