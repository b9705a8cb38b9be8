"""Stable Diffusion 1.x and 2.x, and their relatives with the same parts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ppt2v.errors import InputError
from ppt2v.language import words
from ppt2v.models.adapters.adapters import Adapters
from ppt2v.models.adapters.layer_names import MOTION, TEXT_ENCODER, UNET
from ppt2v.models.adapters.textual_inversion import add_tokens, check_new, with_rows
from ppt2v.models.formats import reading
from ppt2v.models.layouts import clip_vocabulary, contents, file_schedule, single_file
from ppt2v.models.layouts.diffusers import read_json
from ppt2v.models.loading.tokenizer import find_tokenizer
from ppt2v.models.loading.weights import NetworkFiles, build_network, check_dtype, network_files
from ppt2v.models.sources import locate

from .motion import LEVELS, motion_modules, with_motion
from .noise_schedule import noise_schedule
from .presets import MAY_DECIDE, MAY_DECIDE_OF_TRAINING
from .replacements import Replacements

if TYPE_CHECKING:
    from ppdiffusers import StableDiffusionPipeline

    from .family import Use


class StableDiffusion:
    """The row of the family; see ``family.Family``."""

    name, group, any_latents = "Stable Diffusion", "image", False

    def recognises(self, model: Path) -> bool:
        return True

    def frame_configs(self, model: Path, vae: str | None = None) -> tuple[dict, dict]:
        return frame_configs(model, vae)

    def check(self, model: Path, use: Use) -> None:
        unet, vae = frame_configs(model, use.values.get("vae"))
        wanted = vae["latent_channels"] * (2 if use.edits else 1)
        if unet["in_channels"] != wanted:
            kind = _KINDS.get(unet["in_channels"], words("a model of another kind"))
            raise InputError(
                "E-MODEL-CHANNELS",
                "{name} is no model for {mode} but {kind}: its UNet takes {channels} channels (in_channels) instead "
                "of {wanted}; choose one such as {example}",
                name=use.name,
                mode=use.mode,
                kind=kind,
                channels=unet["in_channels"],
                wanted=wanted,
                example=use.example,
            )
        if use.motion:
            use.motion.check(unet, use.name)
        layers, asked = _files(model, "text_encoder").config["num_hidden_layers"], use.values.get("clip_skip", 1)
        if asked > layers:
            raise InputError(
                "E-CLIP-SKIP",
                "clip_skip={asked}: the text encoder of {name} has {layers} layers; give 1 to {layers}",
                asked=asked,
                name=use.name,
                layers=layers,
            )

    def load(self, model: Path, precision: str, adapters: Adapters, instead: Replacements) -> dict[str, Any]:
        loaded = load_stable_diffusion(model, precision, True, adapters, **instead._asdict())
        return {**loaded.components, "requires_safety_checker": False}

    def pipeline(self, of_mode: str) -> str:
        return of_mode


# What models are whose UNet takes so many channels.
_KINDS = {
    4: words("one that makes pictures"),
    5: words("one that goes by depth"),
    7: words("an upscaler"),
    8: words("one that edits pictures (instruct-pix2pix)"),
    9: words("one that fills gaps (inpainting)"),
}
_READERS = {"unet": single_file.unet, "vae": single_file.vae, "text_encoder": single_file.text_encoder}
# What is planned by before the networks are built.
_NEEDS = {
    "unet": ("in_channels", "out_channels", "sample_size", "block_out_channels"),
    "vae": ("latent_channels", "block_out_channels"),
    "text_encoder": ("vocab_size", "hidden_size", "max_position_embeddings", "num_hidden_layers"),
}


def model_defaults(folder: Path) -> dict[str, dict[str, Any]]:
    """The defaults that a model brings along in its optional ppt2v.json, by modes; {} without one.

    Raises:
        InputError: the file cannot be read, or decides what is not for a model to decide.
    """
    file = folder / "ppt2v.json"
    if not file.exists():
        return {}
    content = read_json(file)
    fast = _section(file, "fast", content.get("fast", {}))
    for mode, values in [*((name, content[name]) for name in content if name != "fast"), *fast.items()]:
        _check_names(file, mode, values, MAY_DECIDE_OF_TRAINING if mode == "dreambooth" else MAY_DECIDE)
    return content


def _section(file: Path, name: str, values: Any) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise InputError(
            "E-DEFAULTS-OBJECT",
            "{file}: {name} is {values!r}; the rule is an object of parameters and values",
            file=file,
            name=name,
            values=values,
        )
    return values


def _check_names(file: Path, mode: str, values: Any, names: tuple[str, ...]) -> None:
    values = _section(file, mode, values)
    wrong = next((name for name in values if name not in names), None)
    if wrong is not None:
        raise InputError(
            "E-DEFAULTS-NAMES",
            "{file} sets {wrong} for {mode}, which is not for a model to decide; it may set {names}",
            file=file,
            wrong=wrong,
            mode=mode,
            names=names,
        )


def frame_configs(model: Path, vae: str | None = None) -> tuple[dict, dict]:
    """The configurations of a model's UNet and VAE, which decide the sizes of its frames; ``vae`` as for loading."""
    return _files(model, "unet").config, _vae_files(model, vae).config


def load_stable_diffusion(
    model: Path,
    dtype: str = "float32",
    lazy: bool = False,
    adapters: Adapters = Adapters(),
    tokenizer: str | None = None,
    vae: str | None = None,
    prediction_type: str | None = None,
) -> StableDiffusionPipeline:
    """Stable Diffusion with a DDIM scheduler and without safety checker; dtype and lazy as for ``load_component``.

    Args:
        model: a folder in the layout of diffusers, or a single file (``single_file``).
        adapters: what changes it, in memory alone.
        tokenizer: as for ``find_tokenizer``.
        vae: file, folder or id of an autoencoder, or of a model, whose own is used instead; None: the model's own.
        prediction_type: what the UNet predicts, one of ``ldm_names.PREDICTION_TYPES``; None: what the model says.

    Raises:
        InputError: no such model, weights or adapters that do not fit exactly, a tokenizer of other words, an
            autoencoder of other latents, a model that does not say what it predicts.
    """
    check_dtype(dtype)
    from ppdiffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
    from ppdiffusers.transformers import CLIPTextModel

    unet_files = _files(model, "unet")
    scheduler = _scheduler(model, prediction_type, adapters.motion is not None)
    words, text_files = _with_words(_files(model, "text_encoder"), tokenizer, model, adapters)
    networks = {
        "vae": build_network(AutoencoderKL, _vae_files(model, vae), dtype),
        "text_encoder": build_network(CLIPTextModel, text_files, dtype),
        "unet": build_network(UNet2DConditionModel, unet_files, dtype),
    }
    if adapters.motion:
        networks[MOTION] = motion_modules(adapters.motion, dtype)
    changeable = {name: networks[name] for name in (UNET, TEXT_ENCODER, MOTION) if name in networks}
    for part, merge in adapters.merges(changeable).items():
        networks[part].weights.merge(merge)
    if adapters.motion:
        networks[UNET] = with_motion(networks[UNET], networks.pop(MOTION))
    if not lazy:
        for network in networks.values():
            network.weights.load()
    return StableDiffusionPipeline(
        **networks,
        tokenizer=words,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def controlnet_files(place: Path) -> NetworkFiles:
    """The configuration and the weights of a ControlNet, a folder in the layout of diffusers or a single file.

    Raises:
        InputError: it is no ControlNet.
    """
    return network_files(place, single_file.controlnet, "ControlNetModel", ("block_out_channels",))


def load_controlnet(place: Path, dtype: str = "float32"):
    """A ControlNet that has not read its weights; ``place`` and errors as for ``controlnet_files``."""
    from ppdiffusers import ControlNetModel

    return build_network(ControlNetModel, controlnet_files(place), dtype)


def _files(model: Path, part: str) -> NetworkFiles:
    if model.is_dir() and not (model / "model_index.json").exists():
        kind = read_json(model / "config.json").get("_class_name")
        raise InputError(
            "E-MODEL-SINGLE-NETWORK",
            "{model} is a single network and no Stable Diffusion model: it has no model_index.json; {use}",
            model=model,
            use=contents.use_of_network(kind),
        )
    return network_files(model / part if model.is_dir() else model, _READERS[part], needs=_NEEDS[part])


def _vae_files(model: Path, given: str | None) -> NetworkFiles:
    """The model's autoencoder, or the one given instead.

    Raises:
        InputError: one whose latents are not those of the model.
    """
    if given is None:
        return _files(model, "vae")
    place = locate.locate(given)
    place = place / "vae" if (place / "model_index.json").exists() else place
    files = network_files(place, single_file.vae, "AutoencoderKL", _NEEDS["vae"])
    wanted = {"latent_channels": _files(model, "unet").config["out_channels"], "scaling_factor": _scale(model)}
    for name, value in wanted.items():
        if files.config.get(name, value) != value:
            raise InputError(
                "E-VAE-FAMILY",
                "vae={given}: its latents are those of another family of models ({name} {value} instead of "
                "{wanted}); give one that was made for the model",
                given=given,
                name=name,
                value=files.config[name],
                wanted=value,
            )
    return files


def _scale(model: Path) -> float:
    config = read_json(model / "vae" / "config.json") if model.is_dir() else {}
    return config.get("scaling_factor", single_file.LATENT_SCALE)


def _scheduler(model: Path, prediction_type: str | None, moves: bool):
    """``moves``: whether there are motion modules, which count more than the model for the spacing of the levels."""
    own = LEVELS if moves else {}
    if model.is_dir():
        file = model / "scheduler" / "scheduler_config.json"
        return noise_schedule({**read_json(file), **own}, str(file), prediction_type)
    return noise_schedule({**file_schedule.schedule(reading.read(model), model, prediction_type), **own}, str(model))


def _padding(model: Path) -> str:
    second = model.is_file() and single_file.is_second(reading.read(model))
    return clip_vocabulary.EXCLAMATION if second else clip_vocabulary.END


def _with_words(source: NetworkFiles, given: str | None, model: Path, adapters: Adapters) -> tuple[Any, NetworkFiles]:
    """A tokenizer and the text encoder that goes with it, both with the words of textual inversions."""
    tokenizer = find_tokenizer(given, model, _padding(model))
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
    check_new(tokenizer, adapters.inversions)
    rows = add_tokens(tokenizer, adapters.words, source.config["hidden_size"])
    vocabulary = max(vocabulary, *(row + 1 for row in rows))
    mark = " ".join(inversion.mark for inversion in adapters.words)
    return tokenizer, NetworkFiles(
        {**source.config, "vocab_size": vocabulary},
        source.files,
        lambda loaded: with_rows(source.convert(loaded), rows, vocabulary),
        mark,
    )
