"""A second pass, which makes a video larger: it starts from the frames of the first one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ppt2v import video
from ppt2v.errors import InputError
from ppt2v.models.families.family import Family
from ppt2v.modes import MODES, Mode
from ppt2v.pipelines.planning import sizes
from ppt2v.request.request import Request
from ppt2v.video.scaling import target_size

from .finishing import steady
from .inputs import Inputs

if TYPE_CHECKING:
    import numpy as np

# What the second pass has of its own, or what is done once, to the frames that it makes.
_ANEW = {
    "video_length",
    "resolution",
    "strength",
    "upscale",
    "upscale_model",
    "upscale_strength",
    "upscale_tile",
    "interpolate",
    "interpolate_model",
    "watermark",
    "memory",
    "decode_tile",
    "audio",
    "free_init",
    "start_t",
    "end_t",
}
_FINISHING = ("fps", "interpolate", "interpolate_model", "watermark", "decode_tile", "offload")
_FOR_OTHERS = MODES["synthesize"]  # for videos of models that do not start from a clip
_STATE = "larger"  # the folder of its checkpoint, within that of the first pass


class Decoded(NamedTuple):
    """What a pass has made: frames, uint8 RGB ``[H, W, 3]`` each, made as they are asked for, what they were made from,
    the values of all parameters, the recipe, and what is to be heard with them."""

    frames: Iterable[np.ndarray]
    made: Inputs
    values: Mapping[str, Any]
    recipe: dict[str, Any]
    heard: video.Sound | None


class Draft(NamedTuple):
    """What the first pass leaves: its frames, uint8 RGB ``[F, H, W, 3]``, how many of them are shown in a second, the
    recipe of both passes, and what is to be heard with them."""

    frames: np.ndarray
    fps: float
    recipe: dict[str, Any]
    heard: video.Sound | None


def mode_after(first: Mode) -> Mode:
    """The mode of a second pass: that of the first one, where it can start from a clip."""
    return first if first.has("init_video") else _FOR_OTHERS


def kept(first: str, mode: Mode, values: Mapping[str, Any]) -> dict[str, Any]:
    """What a second pass takes from the first one: all that both know, or of another mode the prompts.

    Args:
        first: the first one's mode.
        mode: the second one's.
        values: of the first one's parameters.
    """
    if first != mode.name:
        return {name: values[name] for name in ("prompt", "n_prompt", "seed") if values.get(name) is not None}
    left_out = {each.name for each in mode.parameters if each.holds in ("clip", "still", "output", "format")} | _ANEW
    return {name: value for name, value in values.items() if name not in left_out and value is not None}


def asked(values: Mapping[str, Any]) -> bool:
    """Whether a run with these values of its parameters has a second pass."""
    return values.get("upscale", 1.0) > 1


def draft_of(decoded: Decoded) -> Draft:
    """What a first pass leaves; its frames are kept on the disk."""
    count, (height, width) = decoded.made.count, decoded.made.size
    frames = video.on_disk((count, height, width, 3))
    for place, frame in enumerate(steady(decoded.frames, decoded.values, decoded.made.clip)):
        frames[place] = frame
    return Draft(frames, decoded.made.fps, decoded.recipe, decoded.heard)


def request_after(first: Request, size: tuple[int, int]) -> Request:
    """What the second pass is asked for, but for the frames that it starts from.

    Args:
        first: the request of the first one, complete.
        size: height and width of its frames in pixels.

    Raises:
        InputError: what the second pass cannot do.
    """
    values, mode = first.values, mode_after(first.mode)
    given = {
        **kept(first.mode.name, mode, values),
        **{name: values[name] for name in _FINISHING if name in values},
        "model_name": values["upscale_model"] or values["model_name"],
        "resolution": str(round(values["upscale"] * max(size))),
        "strength": values["upscale_strength"],
    }
    if values.get("upscale_tile") is not None:
        given["tile"] = values["upscale_tile"]
    if values.get("checkpoint_dir"):
        given["checkpoint_dir"] = str(Path(values["checkpoint_dir"]) / _STATE)
    return Request.of(mode, given)


def check(times: float, size: tuple[int, int], request: Request, family: Family, folder: Path) -> None:
    """Refuses what a second pass cannot make larger, or cannot make: an InputError.

    Args:
        times: how many times as large as those of the first pass its frames are to be.
        size: height and width of those of the first pass in pixels.
        request: what it is asked for.
        family, folder: of its model.
    """
    configs = family.frame_configs(folder, request.values.get("vae"))
    sizes.check_tile(request.values.get("tile"), *configs, any_latents=family.any_latents)
    longest, (multiple, most) = request.size[1], sizes.clip_sides(*configs, any_latents=family.any_latents)
    if longest is not None and max(target_size(*size, longest, multiple)) <= max(size):
        raise InputError(
            "E-UPSCALE-SMALL",
            "upscale={times:g} makes no frame larger, since {model} makes sides that are multiples of {multiple} "
            "pixels: {width}x{height} pixels need {least:g} at least; give that or more, or leave it out",
            times=times,
            model=request.model_name,
            multiple=multiple,
            width=size[1],
            height=size[0],
            least=_least_times(max(size), multiple),
        )
    if longest is not None and longest > most:
        raise InputError(
            "E-UPSCALE-LARGE",
            "upscale={times:g} makes frames of {longest} pixels, and {model} makes {most} at most: give a smaller "
            "upscale or resolution, or another model (upscale_model, --upscale-model)",
            times=times,
            longest=longest,
            model=request.model_name,
            most=most,
        )


def _least_times(longest: int, multiple: int) -> float:
    """By how much frames are enlarged at least, of which the longest side has so many pixels; in hundredths."""
    larger = (longest // multiple + 1) * multiple
    return math.ceil(100 * larger / longest) / 100


def starting_from(draft: Draft, request: Request) -> Request:
    """The second pass with the frames that it starts from."""
    return replace(request, clip=video.whole(draft.frames, draft.fps))
