"""Stable Diffusion 1.x and 2.x, and their relatives with the same parts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ppt2v.errors import InputError
from ppt2v.language import words
from ppt2v.models.adapters.adapters import Adapters
from ppt2v.models.adapters.layer_names import MOTION, TEXT_ENCODER, UNET
from ppt2v.models.layouts import single_file
from ppt2v.models.layouts.json_files import read_json
from ppt2v.models.layouts.network_configs import read_config
from ppt2v.models.loading.weights import NetworkFiles, build_network, check_dtype, network_files
from ppt2v.models.sources import locate, network

from . import parts
from .checks import check_channels, check_clip_skip, check_conditions, check_second_prompt
from .motion import LEVELS, motion_modules, with_motion
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
        check_channels(use, unet, vae)
        check_conditions(use, unet, takes=False)
        check_second_prompt(use)
        if use.motion:
            use.motion.check(unet, use.name)
        check_clip_skip(use, [parts.files(model, TEXT_ENCODER).config])

    def load(self, model: Path, precision: str, adapters: Adapters, instead: Replacements) -> dict[str, Any]:
        loaded = load_stable_diffusion(model, precision, True, adapters, **instead._asdict())
        return {**loaded.components, "requires_safety_checker": False}

    def pipeline(self, of_mode: str) -> str:
        return of_mode


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
    return parts.files(model, "unet").config, parts.vae_files(model, vae).config


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

    unet_files = parts.files(model, "unet")
    own_levels = adapters.motion is not None and not adapters.motion.noise_of_model
    scheduler = parts.scheduler(model, prediction_type, LEVELS if own_levels else {})
    words, text_files = parts.with_words(model, TEXT_ENCODER, tokenizer, adapters)
    networks = {
        "vae": build_network(AutoencoderKL, parts.vae_files(model, vae), dtype),
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


_CONTROLNET = "ControlNetModel", ("block_out_channels",)  # its class, and what its configuration must say


def controlnet_files(place: Path) -> NetworkFiles:
    """The configuration and the weights of a ControlNet, a folder in the layout of diffusers or a single file.

    Raises:
        InputError: it is no ControlNet.
    """
    return network_files(place, single_file.controlnet, *_CONTROLNET)


def controlnet_config(name: str) -> dict[str, Any]:
    """The configuration of a ControlNet, by its name: of an id nothing else is downloaded.

    Raises:
        InputError: as ``controlnet_files``, or there is none of that name.
    """
    if locate.is_embedded(name) or not locate.is_id(name):
        return controlnet_files(network.place(name, network.CONTROLNET)).config
    file = locate.locate_file(name, ("config.json",), words("configuration of a ControlNet"))
    return read_config(file, *_CONTROLNET)


def load_controlnet(place: Path, dtype: str = "float32"):
    """A ControlNet that has not read its weights; ``place`` and errors as for ``controlnet_files``."""
    from ppdiffusers import ControlNetModel

    return build_network(ControlNetModel, controlnet_files(place), dtype)
