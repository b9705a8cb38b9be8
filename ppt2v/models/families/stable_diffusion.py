"""Stable Diffusion 1.x, and its relatives with the same parts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ppt2v.errors import InputError
from ppt2v.models.adapters.adapters import Adapters
from ppt2v.models.adapters.textual_inversion import add_tokens, with_rows
from ppt2v.models.layouts import single_file
from ppt2v.models.layouts.diffusers import read_json, weight_files
from ppt2v.models.loading.tokenizer import load_tokenizer, locate_tokenizer
from ppt2v.models.loading.weights import NetworkFiles, build_network, check_dtype

if TYPE_CHECKING:
    from ppdiffusers import StableDiffusionPipeline

    from .family import Use


class StableDiffusion:
    """The row of the family; see ``family.Family``."""

    name, group, any_latents = "Stable Diffusion", "image", False

    def recognises(self, model: Path) -> bool:
        return True

    def frame_configs(self, model: Path) -> tuple[dict, dict]:
        return frame_configs(model)

    def check(self, model: Path, use: Use) -> None:
        unet, vae = frame_configs(model)
        wanted = vae["latent_channels"] * (2 if use.edits else 1)
        if unet["in_channels"] != wanted:
            raise InputError(
                f"{use.name} is no model for {use.mode}: its UNet takes {unet['in_channels']} channels (in_channels) "
                f"instead of {wanted}; choose one such as {use.example}"
            )

    def load(self, model: Path, precision: str, adapters: Adapters, tokenizer: str | None) -> dict[str, Any]:
        loaded = load_stable_diffusion(model, precision, True, adapters, tokenizer)
        return {**loaded.components, "requires_safety_checker": False}

    def pipeline(self, of_mode: str) -> str:
        return of_mode


def model_defaults(folder: Path) -> dict:
    """The defaults that a model brings along in its optional ppt2v.json; {} without one."""
    file = folder / "ppt2v.json"
    return read_json(file) if file.exists() else {}


def frame_configs(model: Path) -> tuple[dict, dict]:
    """The configurations of a model's UNet and VAE, which decide the sizes of its frames."""
    return _config(model, "unet"), _config(model, "vae")


def load_stable_diffusion(
    model: Path,
    dtype: str = "float32",
    lazy: bool = False,
    adapters: Adapters = Adapters(),
    tokenizer: str | None = None,
) -> StableDiffusionPipeline:
    """Stable Diffusion with a DDIM scheduler and without safety checker; dtype and lazy as for ``load_component``.

    Args:
        model: a folder in the layout of diffusers, or a single file (``single_file``).
        adapters: what changes it, in memory alone.
        tokenizer: as for ``vocabulary.locate``.

    Raises:
        InputError: no such model, weights or adapters that do not fit exactly, a tokenizer of other words.
    """
    if model.is_dir() and not (model / "model_index.json").exists():
        raise InputError(f"{model} is a single network and no Stable Diffusion model: it has no model_index.json")
    check_dtype(dtype)
    from ppdiffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from ppdiffusers.transformers import CLIPTextModel

    words, text_source = _with_words(_source(model, "text_encoder"), locate_tokenizer(tokenizer, model), adapters)
    networks = {
        "vae": build_network(AutoencoderKL, _source(model, "vae"), dtype),
        "text_encoder": build_network(CLIPTextModel, text_source, dtype),
        "unet": build_network(UNet2DConditionModel, _source(model, "unet"), dtype),
    }
    for lora in adapters.loras:
        for part, merge in lora.fit({name: networks[name] for name in ("unet", "text_encoder")}).items():
            networks[part].weights.merge(merge)
    if not lazy:
        for network in networks.values():
            network.weights.load()
    return StableDiffusionPipeline(
        **networks,
        tokenizer=words,
        scheduler=DDIMScheduler.from_config(_config(model, "scheduler")),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def _config(model: Path, part: str) -> dict:
    if model.is_dir():
        return read_json(model / part / ("scheduler_config.json" if part == "scheduler" else "config.json"))
    return single_file.SCHEDULER if part == "scheduler" else single_file.config(model, part)


def _source(model: Path, part: str) -> NetworkFiles:
    if model.is_dir():
        return NetworkFiles(_config(model, part), weight_files(model / part))
    config = _config(model, part)
    return NetworkFiles(config, [model], lambda loaded: single_file.convert(loaded, config, part))


def _with_words(source: NetworkFiles, folder: Path, adapters: Adapters) -> tuple[Any, NetworkFiles]:
    """The tokenizer of a folder and the text encoder that goes with it, both with the words of textual inversions."""
    tokenizer, vocabulary = load_tokenizer(folder), source.config["vocab_size"]
    if len(tokenizer) > vocabulary:
        raise InputError(
            f"the tokenizer in {folder} has {len(tokenizer)} words, {source.files[0]} has {vocabulary}; "
            "give the tokenizer that belongs to the model"
        )
    if not adapters.inversions:
        return tokenizer, source
    rows = add_tokens(tokenizer, adapters.inversions, source.config["hidden_size"])
    vocabulary = max(vocabulary, *(row + 1 for row in rows))
    mark = " ".join(inversion.mark for inversion in adapters.inversions)
    return tokenizer, NetworkFiles(
        {**source.config, "vocab_size": vocabulary},
        source.files,
        lambda loaded: with_rows(source.convert(loaded), rows, vocabulary),
        mark,
    )
