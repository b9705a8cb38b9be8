"""What models that make pictures are refused for, by their configurations alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ppt2v.errors import InputError
from ppt2v.language import words

if TYPE_CHECKING:
    from .family import Use

# What models are whose UNet takes so many channels.
_KINDS = {
    4: words("one that makes pictures"),
    5: words("one that goes by depth"),
    7: words("an upscaler"),
    8: words("one that edits pictures (instruct-pix2pix)"),
    9: words("one that fills gaps (inpainting)"),
}


def check_channels(use: Use, unet: Mapping[str, Any], vae: Mapping[str, Any]) -> None:
    """Raises InputError for a UNet that does not take the latents of the mode."""
    wanted = vae["latent_channels"] * (2 if use.edits else 1)
    if unet["in_channels"] != wanted:
        raise InputError(
            "E-MODEL-CHANNELS",
            "{name} is no model for {mode} but {kind}: its UNet takes {channels} channels (in_channels) instead "
            "of {wanted}; choose one such as {example}",
            name=use.name,
            mode=use.mode,
            kind=_KINDS.get(unet["in_channels"], words("a model of another kind")),
            channels=unet["in_channels"],
            wanted=wanted,
            example=use.example,
        )


def check_clip_skip(use: Use, encoders: Sequence[Mapping[str, Any]]) -> None:
    """Raises InputError where a text encoder, of these configurations, has no such layer."""
    layers, asked = min(each["num_hidden_layers"] for each in encoders), use.values.get("clip_skip", 1)
    if asked > layers:
        raise InputError(
            "E-CLIP-SKIP",
            "clip_skip={asked}: the text encoder of {name} has {layers} layers; give 1 to {layers}",
            asked=asked,
            name=use.name,
            layers=layers,
        )


def check_second_prompt(use: Use) -> None:
    """Raises InputError for a prompt of a second text encoder, which the model lacks."""
    given = next((name for name in ("prompt_2", "n_prompt_2") if use.values.get(name) is not None), None)
    if given:
        raise InputError(
            "E-PROMPT-SECOND",
            "{given} is for the second text encoder of Stable Diffusion XL, and {name} has one alone; leave it out, or "
            "choose a model such as stabilityai/stable-diffusion-xl-base-1.0",
            given=given,
            name=use.name,
        )


def check_conditions(use: Use, unet: Mapping[str, Any], takes: bool) -> None:
    """Raises InputError where a UNet is one of Stable Diffusion XL and the other parts are not, or the reverse."""
    if (unet.get("addition_embed_type") == "text_time") != takes:
        belongs = (
            words("not of Stable Diffusion XL, as its text encoders are")
            if takes
            else words("of Stable Diffusion XL, and its text encoders are not")
        )
        raise InputError(
            "E-MODEL-MIXED",
            "{name} is no whole model: its UNet is {belongs} (addition_embed_type); download or copy it again",
            name=use.name,
            belongs=belongs,
        )
