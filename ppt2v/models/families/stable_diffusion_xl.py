"""Stable Diffusion XL (arXiv 2307.01952), and its relatives with the same parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ppt2v.errors import InputError
from ppt2v.models.adapters.adapters import Adapters
from ppt2v.models.adapters.layer_names import TEXT_ENCODER, TEXT_ENCODER_2, UNET
from ppt2v.models.formats import reading
from ppt2v.models.layouts import single_file
from ppt2v.models.layouts.diffusers import has_two_encoders
from ppt2v.models.layouts.json_files import read_json
from ppt2v.models.loading.weights import build_network, check_dtype

from . import parts
from .checks import check_channels, check_clip_skip, check_conditions
from .replacements import Replacements

if TYPE_CHECKING:
    from .family import Use

ENCODERS = TEXT_ENCODER, TEXT_ENCODER_2
SIZES = 6  # numbers of the frames' sizes that the UNet is told
_PIPELINES = {
    "text_to_video_zero:TextToVideoZeroPipeline": "stable_diffusion_xl:TextToVideoZeroXLPipeline",
    "video_controlnet:VideoControlNetPipeline": "stable_diffusion_xl:VideoControlNetXLPipeline",
}


class StableDiffusionXL:
    """The row of the family; see ``family.Family``."""

    name, group, any_latents = "Stable Diffusion XL", "image", False

    def recognises(self, model: Path) -> bool:
        if model.is_dir():
            index = model / "model_index.json"
            return index.exists() and has_two_encoders(read_json(index))
        return single_file.is_xl(reading.read(model))

    def frame_configs(self, model: Path, vae: str | None = None) -> tuple[dict, dict]:
        return parts.files(model, UNET).config, parts.vae_files(model, vae).config

    def check(self, model: Path, use: Use) -> None:
        unet, vae = self.frame_configs(model, use.values.get("vae"))
        if use.edits:
            raise InputError(
                "E-XL-MODE",
                "{name} is a model of Stable Diffusion XL, with which there is no {mode}; choose one such as {example}",
                name=use.name,
                mode=use.mode,
                example=use.example,
            )
        if use.motion:
            raise InputError(
                "E-XL-MOTION",
                "{name} is a model of Stable Diffusion XL, and motion modules are taken with those of Stable Diffusion "
                "1.x alone; choose one such as {example}",
                name=use.name,
                example=use.example,
            )
        check_channels(use, unet, vae)
        check_conditions(use, unet, takes=True)
        encoders = [parts.files(model, part).config for part in ENCODERS]
        check_clip_skip(use, encoders)
        _check_together(use, unet, encoders)

    def load(self, model: Path, precision: str, adapters: Adapters, instead: Replacements) -> dict[str, Any]:
        return load_stable_diffusion_xl(model, precision, True, adapters, **instead._asdict())

    def pipeline(self, of_mode: str) -> str:
        if of_mode not in _PIPELINES:
            raise InputError(
                "E-XL-PIPELINE",
                "models of Stable Diffusion XL make videos in text2video and the guided modes alone; choose a model of "
                "Stable Diffusion 1.x for this",
            )
        return _PIPELINES[of_mode]


def load_stable_diffusion_xl(
    model: Path,
    dtype: str = "float32",
    lazy: bool = False,
    adapters: Adapters = Adapters(),
    tokenizer: str | None = None,
    vae: str | None = None,
    prediction_type: str | None = None,
) -> dict[str, Any]:
    """The parts of a model as its pipelines take them.

    Arguments and errors are those of ``stable_diffusion.load_stable_diffusion``; a ``tokenizer`` is read by both text
    encoders, each with its own padding.
    """
    check_dtype(dtype)
    from ppdiffusers import AutoencoderKL, UNet2DConditionModel
    from ppdiffusers.transformers import CLIPTextModel, CLIPTextModelWithProjection

    scheduler = parts.scheduler(model, prediction_type)
    words = {part: parts.with_words(model, part, tokenizer, adapters, ENCODERS) for part in ENCODERS}
    networks = {
        "vae": build_network(AutoencoderKL, parts.vae_files(model, vae), dtype),
        TEXT_ENCODER: build_network(CLIPTextModel, words[TEXT_ENCODER][1], dtype),
        TEXT_ENCODER_2: build_network(CLIPTextModelWithProjection, words[TEXT_ENCODER_2][1], dtype),
        UNET: build_network(UNet2DConditionModel, parts.files(model, UNET), dtype),
    }
    for part, merge in adapters.merges({name: networks[name] for name in (UNET, *ENCODERS)}).items():
        networks[part].weights.merge(merge)
    if not lazy:
        for network in networks.values():
            network.weights.load()
    index = read_json(model / "model_index.json") if model.is_dir() else {}
    return {
        **networks,
        "tokenizer": words[TEXT_ENCODER][0],
        "tokenizer_2": words[TEXT_ENCODER_2][0],
        "scheduler": scheduler,
        "force_zeros_for_empty_prompt": index.get("force_zeros_for_empty_prompt", True),
    }


def _check_together(use: Use, unet: Mapping[str, Any], encoders: Sequence[Mapping[str, Any]]) -> None:
    """Raises InputError for a UNet that was made for other text encoders, or is told other sizes."""
    width = sum(each["hidden_size"] for each in encoders)
    told = encoders[1]["projection_dim"] + SIZES * (unet.get("addition_time_embed_dim") or 0)
    for name, wanted in (("cross_attention_dim", width), ("projection_class_embeddings_input_dim", told)):
        if unet.get(name) != wanted:
            raise InputError(
                "E-XL-TOGETHER",
                "{model}: its UNet and its text encoders do not belong together ({name} {value} instead of {wanted}); "
                "give one whole model, such as stabilityai/stable-diffusion-xl-base-1.0",
                model=use.name,
                name=name,
                value=unet.get(name),
                wanted=wanted,
            )
