"""For which family of models an adapter was made, as its names and its training program say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ppt2v.language import Message, words

MOTION = words("AnimateDiff, which moves pictures with layers of its own")
SD1, SD2, XL, SD3 = "Stable Diffusion 1.x", "Stable Diffusion 2.x", "Stable Diffusion XL", "Stable Diffusion 3"

WIDTHS = {768: SD1, 1024: SD2, 2048: XL}  # of the text that the UNet attends to
_NAMES: dict[str, str | Message] = {
    r"(lora_|text_encoders_)?(te3|t5xxl)_|text_encoder_3_|.*joint_blocks_": SD3,
    r".*(double_blocks|single_blocks|single_transformer_blocks)_\d": words("Flux or a relative of it"),
    r"(lora_)?te2_|text_encoder_2_|text_encoders_clip_g_": XL,
    r".*(input|output|down|up)_blocks_\d_.*transformer_blocks_[1-9]_": XL,
    r".*(motion_modules|temporal_transformer)_": MOTION,
    r"(lora_prior_|.*prior_unet_)": "Stable Cascade",
    r"((lora_)?transformer_|diffusion_model_|lora_unet_)?(blocks|layers|transformer_blocks)_\d": words("a transformer"),
}
# What kohya's scripts and model sites write beside the arrays: keys, and what the values contain.
_METADATA = ("modelspec.architecture", "ss_base_model_version")
_VERSIONS = {
    "stable-diffusion-v1": SD1,
    "stable-diffusion-v2": SD2,
    "stable-diffusion-xl": XL,
    "stable-diffusion-3": SD3,
    "flux": "Flux",
    "wan": "Wan",
    "hunyuan": "HunyuanVideo",
    "sd_v1": SD1,
    "sd_v2": SD2,
    "sd_1": SD1,
    "sd_2": SD2,
    "sdxl": XL,
    "sd3": SD3,
}


def family(names: Iterable[str], metadata: Mapping[str, str]) -> str | Message | None:
    """The family that names of layers, or else the metadata of the file, say; None where they say nothing."""
    spelled = [name.replace(".", "_") for name in names]
    for pattern, what in _NAMES.items():
        if any(re.match(pattern, name) for name in spelled):
            return what
    said = " ".join(str(metadata.get(key, "")) for key in _METADATA).lower()
    return next((what for version, what in _VERSIONS.items() if version in said), None)
