"""What a file of weights holds, told from their names, for those who give it in another's place."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from ppt2v.language import Message, words


class _Kind(NamedTuple):
    """``sign``: a regular expression that some name matches; ``what``, with its article; ``advice``: what to do."""

    sign: str
    what: Message
    advice: Message


_WHOLE = words(
    "give a model of Stable Diffusion 1.x, 2.x or XL, as a single file or a folder in the layout of diffusers"
)
_UNET_PART = "model.diffusion_model."
FIRST, SECOND = "conditioner.embedders.0.transformer.", "conditioner.embedders.1.model."  # encoders of XL

# The first that fits counts.
INVERSION, LORA, UNKNOWN, _CONTROLNET, MOTION_MODULE = (
    words("a textual inversion"),
    words("a LoRA"),
    words("weights of an unknown kind"),
    words("a ControlNet"),
    words("a motion module of AnimateDiff"),
)
_BESIDE = words("give it as motion_module=... (--motion-module) beside a model of Stable Diffusion 1.x")
_KINDS = (
    _Kind(r"^lora_controlnet$", words("a Control-LoRA"), words("give a whole ControlNet")),
    _Kind(
        r"lora_(down|up|A|B)\b|_lora\.(down|up)|\.lora\.|hada_w1|lokr_w|^(lora|lycoris)_|\.dora_scale|lora_magnitude",
        LORA,
        words("give it as lora=... (--lora) beside a model"),
    ),
    _Kind(
        r"^(emb_params|string_to_param|clip_[lg])\b|^<[^>]*>$|^\*$",
        INVERSION,
        words("give it as textual_inversion=... (--textual-inversion) beside a model"),
    ),
    _Kind(r"motion_modules\.|temporal_transformer", MOTION_MODULE, _BESIDE),
    _Kind(
        r"temopral_conv|temp_convs\.",
        words("the UNet of a text-to-video model"),
        words("give the folder that it belongs to, for the mode synthesize"),
    ),
    _Kind(r"time_stack|time_mixer|time_mix_blocks", words("Stable Video Diffusion"), _WHOLE),
    _Kind(r"^(ip_adapter|image_proj)\.", words("an IP-Adapter"), _WHOLE),
    _Kind(
        r"^(adapter\.)?body\.\d+\.(block1|resnets\.\d+\.block1|in_conv)",
        words("a T2I-Adapter"),
        words("give a ControlNet for the guided modes"),
    ),
    _Kind(r"^lllite_", words("a ControlNet-LLLite of Stable Diffusion XL"), words("give a whole ControlNet")),
    _Kind(
        r"^(conditioner\.embedders\.\d+|text_encoder_2)\.",
        words("Stable Diffusion XL without one of its two text encoders, such as its refiner,"),
        words("give the base model, which has both"),
    ),
    _Kind(r"joint_blocks\.|add_q_proj", words("Stable Diffusion 3 or a relative"), _WHOLE),
    _Kind(r"(double|single)_blocks\.|single_transformer_blocks\.", words("FLUX or a relative"), _WHOLE),
    _Kind(
        r"double_layers\.|\.adaLN_modulation|adaln_single|scale_shift_table|^(transformer_)?blocks\.\d+\.",
        words("a diffusion transformer"),
        _WHOLE,
    ),
    _Kind(r"^low_scale_model\.", words("an upscaler of Stable Diffusion"), _WHOLE),
    _Kind(
        r"^(model\.diffusion_model\.|unet\.)?label_emb\.0\.0\.weight$|^noise_augmentor\.",
        words("Stable unCLIP"),
        _WHOLE,
    ),
    _Kind(
        r"cond_proj\.weight$",
        words("a latent consistency model with guidance of its own"),
        words("give a model of Stable Diffusion with an LCM LoRA, and the solver lcm"),
    ),
    _Kind(
        r"^model_ema\.diffusion_model",
        words("the averaged weights of a training alone"),
        words("give the file that was made for use"),
    ),
    _Kind(
        r"^(control_model\.|input_hint_block\.)|^controlnet_cond_embedding\.",
        _CONTROLNET,
        words("give it as controlnet=... (--controlnet) beside a model, for the guided modes"),
    ),
    _Kind(
        r"^(model\.diffusion_model\.)?input_blocks\.|^(unet\.)?(down_blocks|mid_block)\.", words("a UNet alone"), _WHOLE
    ),
    _Kind(
        r"^(first_stage_model\.)?(encoder|decoder)\.(conv_in|mid|down|up)",
        words("an autoencoder (VAE) alone"),
        words("give it as vae=... (--vae) beside a model"),
    ),
    _Kind(
        r"^(encoder|decoder)\.(layers\.)?\d+\.", words("a tiny autoencoder (TAESD)"), words("give a whole autoencoder")
    ),
    _Kind(
        r"^(cond_stage_model|text_model|transformer\.resblocks|text_encoder)\b", words("a text encoder alone"), _WHOLE
    ),
)
_UNKNOWN = _Kind("", UNKNOWN, _WHOLE)
# A whole model has a UNet and a text encoder, and nothing of what makes it one of another family.
_OTHER = _KINDS[: next(place for place, kind in enumerate(_KINDS) if kind.what is _CONTROLNET)]


def describe(names: Iterable[str]) -> Message:
    """What a file with weights of these names holds, with its article."""
    names = list(names)
    if is_stable_diffusion(names):
        return words("a model of Stable Diffusion")
    if is_xl(names):
        return words("a model of Stable Diffusion XL")
    return _kind(names, _KINDS).what


def advice(names: Iterable[str]) -> Message:
    """What to do with it instead."""
    return _kind(list(names), _KINDS).advice


def use(names: Iterable[str]) -> Message:
    """How it is given, where something else than a model is wanted."""
    names = list(names)
    if is_stable_diffusion(names) or is_xl(names):
        return words("give it as model_name=... (--model)")
    advice = _kind(names, _KINDS).advice
    return advice if advice.template.startswith("give it as") else words("it has no use there")


def use_of_network(kind: str | None) -> Message:
    """What to do with a folder that holds a single network of a class of diffusers instead of a model."""
    return {
        "ControlNetModel": words("it is a ControlNet: give it as controlnet=... (--controlnet) beside a model"),
        "AutoencoderKL": words("it is an autoencoder: give it as vae=... (--vae) beside a model"),
        "MotionAdapter": words("it is a motion module: {advice}", advice=_BESIDE),
    }.get(str(kind), _WHOLE)


def is_stable_diffusion(names: Iterable[str]) -> bool:
    """Whether it is a model of Stable Diffusion 1.x or 2.x by its names: a UNet and a text encoder of theirs."""
    names = list(names)
    return _has_all(names, (_UNET_PART, "cond_stage_model.")) and _of_other(names) is _UNKNOWN


def is_xl(names: Iterable[str]) -> bool:
    """Whether it is a model of Stable Diffusion XL by its names: a UNet and two text encoders."""
    names = list(names)
    own = (_UNET_PART + "label_emb.", FIRST, SECOND)
    return _has_all(names, (_UNET_PART, *own)) and _of_other([n for n in names if not n.startswith(own)]) is _UNKNOWN


def _has_all(names: list[str], beginnings: tuple[str, ...]) -> bool:
    return all(any(name.startswith(beginning) for name in names) for beginning in beginnings)


def _of_other(names: list[str]) -> _Kind:
    """The kind by which names are not those of a whole model; ``_UNKNOWN`` where they may be."""
    return _kind([name for name in names if not name.startswith("model_ema.")], _OTHER)


def _kind(names: list[str], kinds: tuple[_Kind, ...]) -> _Kind:
    text = "\n".join(names)
    return next((kind for kind in kinds if re.search(kind.sign, text, re.MULTILINE)), _UNKNOWN)
