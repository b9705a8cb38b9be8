"""What a training is asked for, checked before any model is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ppt2v.environment.devices import device_name
from ppt2v.errors import InputError
from ppt2v.language import either, words
from ppt2v.models.families import stable_diffusion
from ppt2v.models.layouts.json_files import read_json
from ppt2v.models.sources import locate
from ppt2v.parameters import resolve
from ppt2v.pipelines.planning import sizes

from .folder import check_folder
from .parameters import PARAMETERS
from .pictures import find

PREDICTIONS = ("epsilon", "v_prediction")  # what the scheduler of a model says that its UNet predicts


class Plan(NamedTuple):
    """A training that can be run.

    ``base``: folder of the model to start from; ``files``: the pictures; ``size``: their height and width in pixels;
    ``folder``: where the model is written, and what a training that is killed goes on from; ``device``: as Paddle calls
    it; ``values``: of ``PARAMETERS``.
    """

    base: Path
    files: list[Path]
    size: tuple[int, int]
    folder: Path
    device: str
    values: dict[str, Any]


def prepare(given: Mapping[str, Any], resume: bool, show_progress: bool) -> Plan:
    """Reads what was asked for; an id of a model that is not in the cache is downloaded.

    Raises:
        InputError: it cannot be done; nothing has been written then.
    """
    given = {name: _plain(name, value) for name, value in given.items()}
    values = resolve(PARAMETERS, given, {})
    _check(values, given)
    locate.check(values["model_name"])
    files = find(values["images"])
    folder = check_folder(values["out"], resume)
    device = device_name(values["device"])
    base = locate.locate(values["model_name"], show_progress)
    values = resolve(PARAMETERS, given, stable_diffusion.model_defaults(base).get("dreambooth", {}))
    return Plan(base, files, _size(base, values), folder, device, values)


def _plain(name: str, value: Any) -> Any:
    """Paths, and a resolution that is a number, as texts."""
    return str(value) if isinstance(value, Path) or (name == "resolution" and value is not None) else value


def _check(values: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """What the table of parameters cannot say of single values."""
    for name, what in (("images", words("a folder with pictures")), ("out", words("a folder for the model"))):
        if not values[name]:
            raise InputError("E-TRAINING-MISSING", "{name} is missing: give {what}", name=_called(name), what=what)
    for name in ("instance_prompt", "class_prompt"):
        prompt = values[name]
        if not (prompt or "").strip() and (prompt is not None or name == "instance_prompt"):
            raise InputError(
                "E-TRAINING-EMPTY",
                '{name} is empty: describe the pictures in words, such as "a sks fox" and "a fox"',
                name=_called(name),
            )
    alone = [name for name in ("prior_weight", "class_images") if given[name] is not None]
    if alone and values["class_prompt"] is None:
        raise InputError(
            "E-TRAINING-CLASS-PROMPT",
            "{names}: without class_prompt this has no effect: give the prompt of the class too",
            names=alone,
        )
    sizes.parse(values["resolution"])


def _called(name: str) -> str:
    """What a parameter is called in Python and on the command line."""
    return next(f"{name} (--{parameter.flag})" for parameter in PARAMETERS if parameter.name == name)


def _size(folder: Path, values: Mapping[str, Any]) -> tuple[int, int]:
    """Height and width of the pictures, in pixels.

    Raises:
        InputError: the model cannot make that size, or cannot be trained so.
    """
    unet, vae = stable_diffusion.frame_configs(folder)
    if unet.get("addition_embed_type"):
        raise InputError(
            "E-DREAMBOOTH-XL",
            "{model} cannot be trained: it is a model of Stable Diffusion XL; choose one of 1.x or 2.x",
            model=values["model_name"],
        )
    if unet["in_channels"] != vae["latent_channels"]:
        raise InputError(
            "E-TRAINING-CHANNELS",
            "{model} cannot be trained: its UNet takes {channels} channels (in_channels) instead of {wanted}; choose "
            "a text-to-image model",
            model=values["model_name"],
            channels=unet["in_channels"],
            wanted=vae["latent_channels"],
        )
    scheduler = read_json(folder / "scheduler" / "scheduler_config.json")
    prediction = scheduler.get("prediction_type", "epsilon")
    if prediction not in PREDICTIONS:
        raise InputError(
            "E-TRAINING-PREDICTION",
            "{model} predicts {prediction!r} (prediction_type of its scheduler); models that can be trained predict "
            "{predictions}",
            model=values["model_name"],
            prediction=prediction,
            predictions=either(PREDICTIONS),
        )
    return sizes.frame_size(*sizes.parse(values["resolution"]), unet, vae)
