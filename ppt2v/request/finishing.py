"""Whether what is to be done after a video can be done: a second pass, and frames in between."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ppt2v.errors import InputError
from ppt2v.modes.inputs import UPSCALE_STRENGTH

_EXAMPLE = "cerspense/zeroscope_v2_XL"


def check_finishing(values: Mapping[str, Any]) -> None:
    """Refuses what has no part in a run, or none in both of its passes: an InputError.

    Args:
        values: of all parameters of a mode, which need not have a second pass.
    """
    if values.get("interpolate_model") is not None and values["interpolate"] == 1:
        raise InputError(
            "E-INTERPOLATE-ALONE",
            "interpolate_model={model}: no frames are put in between; say how many are to become of one "
            "(interpolate=2, --interpolate 2), or leave it out",
            model=values["interpolate_model"],
        )
    if values.get("upscale", 1) == 1:
        _check_one_pass(values)
    else:
        _check_two_passes(values)


def _check_two_passes(values: Mapping[str, Any]) -> None:
    if "init_video" not in values and values["upscale_model"] is None:
        raise InputError(
            "E-UPSCALE-MODEL-LACKING",
            "upscale={times:g} needs a model that starts from a video, and that of this mode does not: give a "
            "text-to-video model (upscale_model, --upscale-model), such as {example}",
            times=values["upscale"],
            example=_EXAMPLE,
        )
    if "init_video" not in values and values.get("prompt_at") is not None:
        raise InputError(
            "E-UPSCALE-PROMPTS",
            "upscale={times:g}: the second pass keeps to one prompt, and prompt_at (--prompt-at) gives several; leave "
            "out one of them",
            times=values["upscale"],
        )
    if values.get("memory"):
        raise InputError(
            "E-UPSCALE-MEMORY",
            "memory={memory} chooses the settings for frames of one size, and upscale={times:g} makes two: give "
            "decode_tile (--decode-tile) and offload (--offload) instead",
            memory=values["memory"],
            times=values["upscale"],
        )


def _check_one_pass(values: Mapping[str, Any]) -> None:
    if values.get("upscale_model") is not None:
        raise InputError(
            "E-UPSCALE-ALONE",
            "upscale_model={model}: there is no second pass; say how many times as large the video is to be "
            "(upscale=2, --upscale 2), or leave it out",
            model=values["upscale_model"],
        )
    if values.get("upscale_strength", UPSCALE_STRENGTH) != UPSCALE_STRENGTH:
        raise InputError(
            "E-UPSCALE-STRENGTH-ALONE",
            "upscale_strength={strength:g}: there is no second pass; say how many times as large the video is to be "
            "(upscale=2, --upscale 2), or leave it out",
            strength=values["upscale_strength"],
        )
    if values.get("upscale_tile") is not None:
        raise InputError(
            "E-UPSCALE-TILE-ALONE",
            "upscale_tile={tile}: there is no second pass; say how many times as large the video is to be (upscale=2, "
            "--upscale 2), or leave it out",
            tile=values["upscale_tile"],
        )
