"""What a run is asked for: checked before anything is loaded, and in the form in which recipes keep it."""

from __future__ import annotations

import os
import re
import unicodedata
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ppt2v import video
from ppt2v.errors import InputError
from ppt2v.models.adapters import adapters
from ppt2v.models.families import stable_diffusion
from ppt2v.models.sources import catalogue, locate
from ppt2v.modes import MODES, Mode
from ppt2v.parameters import resolve
from ppt2v.pipelines.planning import memory, sizes
from ppt2v.video.overlay import names_image

from . import guides

FILES = ("save_path", "checkpoint_dir")  # what a run writes; not for those to give whose files another chooses


def checked(row: Mode, given: Mapping[str, Any]) -> dict[str, Any]:
    """A value for every parameter, without what the model itself brings along.

    Args:
        given: as ``plain`` gives it.

    Raises:
        InputError: anything that can be said to be wrong before a model is there.
    """
    values = resolve(row.parameters, given, {})
    check(row, values)
    locate.check(values["model_name"])
    return values


def completed(row: Mode, given: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The same with what the model in ``folder`` itself brings along.

    Raises:
        InputError: the model's values and those given do not go together.
    """
    fast = resolve(row.parameters, given, {}).get("fast", False)
    values = resolve(row.parameters, given, _model_values(row, folder, fast))
    check(row, values)
    return values


def _model_values(row: Mode, folder: Path, fast: bool) -> dict[str, Any]:
    """What the model brings along for a mode, and for a fast run instead."""
    own = stable_diffusion.model_defaults(folder)
    usual = {"solver": "dpmsolver++", "num_inference_steps": row.fast_steps}
    preset = own.get("fast", {}).get(row.name, usual) if fast else {}
    return {**own.get(row.name, {}), **preset}


def check(row: Mode, values: Mapping[str, Any]) -> None:
    """What the table of parameters cannot say of single values.

    Raises:
        InputError: an empty prompt, an impossible pair, a size that is none, a clip or a watermark that cannot be
            read.
    """
    from ppt2v.pipelines.planning.timesteps import check_eta, check_motion_levels

    if not (values["prompt"] or "").strip():
        order = "; the clip comes first, then the prompt" if row.takes_clip else ""
        raise InputError(f"the prompt is empty: say in a few words what the video should show{order}")
    if isinstance(values["resolution"], str):
        sizes.parse(values["resolution"])
    if values.get("use_motion_field"):
        check_motion_levels(values["t0"], values["t1"])
        if values["num_inference_steps"] < 2:
            raise InputError(
                "num_inference_steps=1: the motion field needs at least 2 steps; or turn it off "
                "(use_motion_field=False, --no-motion-field)"
            )
    if values.get("memory"):
        memory.parse(values["memory"])
    if values.get("smooth_bg") and not values["use_motion_field"]:
        raise InputError("smooth_bg=True moves the background along the motion field; leave use_motion_field on")
    check_eta(values["eta"], values["solver"])
    if values["watermark"]:
        video.watermark((), values["watermark"])
    guides.check(row, values)
    adapters.check(values)


def warn_of_language(prompt: str) -> None:
    """Warns of a prompt that is not written in Latin letters: the models of all modes were trained on English."""
    if any(letter.isalpha() and "LATIN" not in unicodedata.name(letter, "") for letter in prompt):
        warnings.warn("the model was trained on English texts only: write the prompt in English", stacklevel=2)


def branches(values: Mapping[str, Any]) -> int:
    """Branches of guidance that are computed together."""
    if values["guidance_scale"] <= 1:
        return 1
    return 3 if "image_guidance_scale" in values else 2


def mode(name: str) -> Mode:
    """The row of ``MODES`` of that name; InputError where there is none."""
    if name not in MODES:
        raise InputError(f"unknown mode {name!r}: choose one of {', '.join(MODES)}")
    return MODES[name]


# Parameters that name a file or a folder of this machine, or a model by its id.
_CLIPS = ("video_path", "init_video")
_MODELS = ("model_name", "controlnet", "detector_weights", "saliency_weights", "tokenizer")


def plain(row: Mode, given: Mapping[str, Any]) -> dict[str, Any]:
    """The values as recipes keep them: texts, with which the same models and files are found from every folder."""
    as_text = {
        "save_path": str,
        "checkpoint_dir": str,
        "watermark": _mark_from_anywhere,
        **dict.fromkeys(_CLIPS, _absolute),
        **dict.fromkeys(_MODELS, locate.from_anywhere),
    }
    as_text |= {"lora": adapters.as_texts, "textual_inversion": adapters.as_texts}
    as_text["extra_controls"] = guides.extra_from_anywhere
    if not row.takes_clip:
        as_text["resolution"] = str  # the side of a square may come as a number
    if given.get("model_name") is not None:
        given = {**given, "model_name": model_of(row, given["model_name"])}
    return {
        name: as_text[name](value) if value is not None and name in as_text else value for name, value in given.items()
    }


def model_of(row: Mode, name: str | Path) -> str | Path:
    """The model of that name: ``hub.EMBEDDED`` stands for the one that ships for this mode."""
    return row.default("model_name") if str(name) == catalogue.EMBEDDED else name


def _absolute(path: str | Path) -> str:
    return str(Path(os.path.expanduser(path)).absolute())


def _mark_from_anywhere(watermark: str | Path) -> str:
    mark = str(watermark)
    return _absolute(mark) if names_image(mark) else mark


def output_file(values: Mapping[str, Any]) -> Path:
    """The file to write, named after the prompt if no name is given; raises InputError where it cannot be written."""
    sources = [values[name] for name in (*_CLIPS, "watermark") if values.get(name)]
    output = video.output_file(values["save_path"], values["save_format"], file_stem(values["prompt"]), sources)
    if values["fps"] is not None:
        video.check_fps(values["fps"], ending(output))
    return output


def file_stem(prompt: str) -> str:
    """The name of a video's file, without its ending, where a prompt names it."""
    return re.sub(r"\W+", "-", prompt).strip("-")[:60].strip("-") or "video"


def ending(path: Path) -> str:
    """The ending of a file's name, such as "mp4"."""
    return path.suffix.lstrip(".").lower()
