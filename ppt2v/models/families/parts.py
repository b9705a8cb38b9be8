"""The parts of models that make pictures: where each comes from, and what may be used instead."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ppt2v.errors import InputError
from ppt2v.language import words
from ppt2v.models.adapters.adapters import Adapters
from ppt2v.models.adapters.layer_names import TEXT_ENCODER, TEXT_ENCODER_2
from ppt2v.models.adapters.textual_inversion import add_tokens, check_encoders, check_new, with_rows
from ppt2v.models.formats import reading
from ppt2v.models.layouts import clip_vocabulary, contents, file_configs, file_schedule, single_file
from ppt2v.models.layouts.json_files import read_json
from ppt2v.models.loading.tokenizer import find_tokenizer
from ppt2v.models.loading.weights import NetworkFiles, network_files
from ppt2v.models.sources import network

from .noise_schedule import noise_schedule

_READERS = {
    "unet": single_file.unet,
    "vae": single_file.vae,
    TEXT_ENCODER: single_file.text_encoder,
    TEXT_ENCODER_2: single_file.second_text_encoder,
}
_OF_TEXTS = ("vocab_size", "hidden_size", "max_position_embeddings", "num_hidden_layers")
# What is planned by before the networks are built.
_NEEDS = {
    "unet": ("in_channels", "out_channels", "sample_size", "block_out_channels"),
    "vae": ("latent_channels", "block_out_channels"),
    TEXT_ENCODER: _OF_TEXTS,
    TEXT_ENCODER_2: (*_OF_TEXTS, "projection_dim"),
}
# By what names of files of autoencoders say; of those that were published both families' have the same shapes.
_SCALES = {
    r"sd-?_?xl|(?<![a-z])xl(?![a-z])": file_configs.LATENT_SCALE_XL,
    r"vae-ft-(mse|ema)|kl-f8": file_configs.LATENT_SCALE,
}
_TOKENIZERS = {TEXT_ENCODER: "tokenizer", TEXT_ENCODER_2: "tokenizer_2"}


def files(model: Path, part: str) -> NetworkFiles:
    """The configuration and the weights of a network.

    Args:
        model: a folder in the layout of diffusers, or a single file.
        part: "unet", "vae", or one of the text encoders as ``layer_names`` has them.

    Raises:
        InputError: the model has no such network, or its configuration cannot be used.
    """
    if model.is_dir() and not (model / "model_index.json").exists():
        kind = read_json(model / "config.json").get("_class_name")
        raise InputError(
            "E-MODEL-SINGLE-NETWORK",
            "{model} is a single network and no Stable Diffusion model: it has no model_index.json; {use}",
            model=model,
            use=contents.use_of_network(kind),
        )
    return network_files(model / part if model.is_dir() else model, _READERS[part], needs=_NEEDS[part])


def vae_files(model: Path, given: str | None) -> NetworkFiles:
    """The model's autoencoder, or the one given instead.

    A single file of an autoencoder does not say how latents are scaled, but its name may.

    Raises:
        InputError: one whose latents are not those of the model.
    """
    if given is None:
        return files(model, "vae")
    place = network.place(given, network.VAE)
    found = network_files(place, single_file.vae, "AutoencoderKL", _NEEDS["vae"])
    wanted = {"latent_channels": files(model, "unet").config["out_channels"], "scaling_factor": _scale(model)}
    if place.is_file():
        scale = _scale_of_file(place) or wanted["scaling_factor"]
        found = found._replace(config={**found.config, "scaling_factor": scale})
    for name, value in wanted.items():
        if found.config.get(name, value) != value:
            raise InputError(
                "E-VAE-FAMILY",
                "vae={given}: its latents are those of another family of models ({name} {value} instead of "
                "{wanted}{by_name}); give one that was made for the model",
                given=given,
                name=name,
                value=found.config[name],
                wanted=value,
                by_name=words(", as its name says") if place.is_file() and name == "scaling_factor" else "",
            )
    return found


def scheduler(model: Path, prediction_type: str | None, instead: Mapping[str, Any] = MappingProxyType({})):
    """What ``noise_schedule`` makes of what the model says; what ``instead`` says counts more."""
    if model.is_dir():
        file = model / "scheduler" / "scheduler_config.json"
        return noise_schedule({**read_json(file), **instead}, str(file), prediction_type)
    said = file_schedule.schedule(reading.read(model), model, prediction_type)
    return noise_schedule({**said, **instead}, str(model))


def with_words(
    model: Path, part: str, given: str | None, adapters: Adapters, encoders: tuple[str, ...] = (TEXT_ENCODER,)
) -> tuple[Any, NetworkFiles]:
    """A tokenizer and the text encoder that goes with it, both with the words of textual inversions.

    Args:
        model: as for ``files``.
        part: which text encoder, of ``encoders``.
        given: the tokenizer, as for ``find_tokenizer``.
        adapters: with the words.
        encoders: all text encoders of the model.

    Raises:
        InputError: a tokenizer of other words; a textual inversion for other encoders.
    """
    source = files(model, part)
    tokenizer = find_tokenizer(given, model, _padding(model, part), _TOKENIZERS[part])
    vocabulary = source.config["vocab_size"]
    if len(tokenizer) > vocabulary:
        raise InputError(
            "E-TOKENIZER-WORDS",
            "the tokenizer in {tokenizer} has {words} words, {file} has {vocabulary}; give the tokenizer that "
            "belongs to the model",
            tokenizer=given or model,
            words=len(tokenizer),
            file=source.files[0],
            vocabulary=vocabulary,
        )
    if not adapters.words:
        return tokenizer, source
    check_encoders(adapters.words, len(encoders))
    check_new(tokenizer, adapters.inversions)
    rows = add_tokens(tokenizer, adapters.words, source.config["hidden_size"], encoders.index(part))
    vocabulary = max(vocabulary, *(row + 1 for row in rows))
    mark = " ".join(inversion.mark for inversion in adapters.words)
    return tokenizer, NetworkFiles(
        {**source.config, "vocab_size": vocabulary},
        source.files,
        lambda loaded: with_rows(source.convert(loaded), rows, vocabulary),
        mark,
    )


def _scale(model: Path) -> float:
    if model.is_file():
        return single_file.latent_scale(reading.read(model))
    return read_json(model / "vae" / "config.json").get("scaling_factor", file_configs.LATENT_SCALE)


def _scale_of_file(place: Path) -> float | None:
    """The scale of the autoencoder in a single file: of a whole model, or by the name; None where nothing says it."""
    loaded = reading.read(place)
    if single_file.is_whole(loaded):
        return single_file.latent_scale(loaded)
    return next((scale for name, scale in _SCALES.items() if re.search(name, place.stem.lower())), None)


def _padding(model: Path, part: str) -> str:
    """What fills short texts up where the model's tokenizer does not say it: OpenCLIP's encoders know "!" as that."""
    openclip = part == TEXT_ENCODER_2 or (model.is_file() and single_file.is_second(reading.read(model)))
    return clip_vocabulary.EXCLAMATION if openclip else clip_vocabulary.END
