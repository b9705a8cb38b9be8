"""What a run starts from: a prompt alone, or a clip and what is made of it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ppt2v import controls, video
from ppt2v.errors import InputError
from ppt2v.language import Message, words
from ppt2v.models.families import stable_diffusion
from ppt2v.models.families.family import Family
from ppt2v.models.sources import network
from ppt2v.pipelines.planning import sizes, strengths
from ppt2v.progress import Progress, Watch, counted
from ppt2v.request.guides import Guide
from ppt2v.request.request import Request

if TYPE_CHECKING:
    import numpy as np


# What the maker of a kind of control maps, with these values, sees in each of the frames.
Look = Callable[[str, Mapping[str, Any], "Iterable[np.ndarray]"], Iterator[Any]]

_OF_XL = "addition_embed_type"  # which networks of Stable Diffusion XL have
FPS = 8.0  # of a video whose mode neither says it nor starts from a clip


class Inputs(NamedTuple):
    """The frames' number and rate, their size in pixels, what the pipeline is given beside its parameters, and the clip
    that they are made from, uint8 RGB ``[F, H, W, 3]``, if there is one."""

    count: int  # type: ignore[assignment]  # a tuple's method has this name
    fps: float
    size: tuple[int, int]  # height, width
    arguments: dict[str, Any]
    clip: np.ndarray | None = None


def gather(
    request: Request,
    family: Family,
    folder: Path,
    pipeline: type,
    load_controlnet: Callable[[Path], Any],
    explain: Callable[[Message], None],
    watch: Watch,
    look: Look | None = None,
) -> Inputs:
    """Reads the clip of a run, where it has one, and makes what guides it.

    Args:
        folder: of the model.
        pipeline: the class that makes the latents.
        load_controlnet: gives the ControlNet of a folder.
        explain: told what was decided about a clip.
        watch: told how far the control maps are.
        look: sees what control maps are made of; None: this process does.

    Raises:
        InputError: a size or a tile that the model cannot make, a ControlNet of another family, frames that cannot be
            decoded.
    """
    configs, any_latents = family.frame_configs(folder, request.values.get("vae")), family.any_latents
    sizes.check_tile(request.values.get("tile"), *configs, any_latents=any_latents)
    if request.clip is None:
        height, width = frame_size(request, family, folder)
        arguments = {"height": height, "width": width, **_background(request.values)}
        if request.values.get("init_image"):
            arguments["first"] = video.read_still(request.values["init_image"], height, width)
        count = request.frames or _default(pipeline, "video_length")
        return Inputs(count, request.values.get("fps") or FPS, (height, width), arguments)
    for note in request.clip.notes:
        explain(note)
    clip = request.clip.read(*_sides(request, family, folder))
    arguments = {str(each.argument): clip.frames for each in request.mode.parameters if each.takes_frames}
    if request.guides:
        arguments = {"controls": _controls(request, clip.frames, configs[0], load_controlnet, explain, watch, look)}
    count, height, width = clip.frames.shape[:3]
    return Inputs(count, request.values.get("fps") or clip.fps, (height, width), arguments, clip.frames)


def frame_size(request: Request, family: Family, folder: Path) -> tuple[int, int]:
    """Height and width of the frames in pixels, before any is read; errors as those of ``gather``."""
    if request.clip is not None:
        return request.clip.size(*_sides(request, family, folder))
    configs = family.frame_configs(folder, request.values.get("vae"))
    return sizes.frame_size(*request.size, *configs, any_latents=family.any_latents)


def _sides(request: Request, family: Family, folder: Path) -> tuple[int, int]:
    """Of the frames of a clip, in pixels: the longest side, and what both are multiples of."""
    configs, any_latents = family.frame_configs(folder, request.values.get("vae")), family.any_latents
    longest = sizes.clip_resolution(request.size[1], *configs, any_latents=any_latents)
    return longest, sizes.multiple(*configs, any_latents=any_latents)


def sound(request: Request, fps: float, explain: Callable[[Message], None]) -> video.Sound | None:
    """What is to be heard with the frames: the clip's own sound, unless they are shown at another speed than there.

    Args:
        fps: of the video.
        explain: told why sound is left out.
    """
    clip = request.clip
    if clip is None or not clip.has_sound or not request.values.get("audio"):
        return None
    if fps != clip.fps:
        notice = words(
            "the clip's sound is left out: {own:g} frames of it per second are shown as {fps:g} (fps)",
            own=clip.fps,
            fps=fps,
        )
        explain(notice)
        return None
    return clip.sound()


def _background(values: Mapping[str, Any]) -> dict[str, Any]:
    """What finds the subject before a background that is to be kept steady."""
    if not values.get("smooth_bg"):
        return {}
    from ppt2v.detectors.u2net import SalientObject

    return {"smooth_bg": SalientObject(values["saliency_weights"])}


def _default(pipeline: type, argument: str) -> Any:
    """What a pipeline takes where the mode does not say."""
    return inspect.signature(pipeline.__call__).parameters[argument].default


def _controls(
    request: Request,
    frames: np.ndarray,
    unet: Mapping,
    load_controlnet: Callable[[Path], Any],
    explain: Callable[[Message], None],
    watch: Watch,
    look: Look | None,
) -> list:
    from ppt2v.pipelines.video_controlnet import Control

    for guide in request.guides:
        _check_family(guide.model, stable_diffusion.controlnet_config(guide.model), unet)
    made, maps = [], {}
    for guide in request.guides:
        folder = network.place(guide.model, network.CONTROLNET)
        if guide.kind not in maps:
            maps[guide.kind] = _maps(guide.kind, request.control_values(guide.kind), frames, explain, watch, look)
        made.append(Control(load_controlnet(folder), maps[guide.kind], _strength(request, guide, len(frames))))
    return made


def _strength(request: Request, guide: Guide, count: int) -> float | list[float]:
    """That of a ControlNet, for all of ``count`` frames or for each."""
    keyframes = request.values.get(strengths.NAME)
    if keyframes is None:
        return guide.strength
    return [guide.strength * share for share in strengths.by_frame(keyframes, count)]


def _maps(
    kind: str,
    values: Mapping[str, Any],
    frames: np.ndarray,
    explain: Callable[[Message], None],
    watch: Watch,
    look: Look | None,
) -> np.ndarray:
    made = controls.control_maps(kind, frames, values, look and partial(look, kind, values))
    if made.decision:
        explain(made.decision)
    maps, stage = video.on_disk(frames.shape), f"Control maps ({kind})"
    for place, frame in enumerate(counted(made.frames, len(frames), stage, watch)):
        maps[place] = frame
    watch(Progress(stage, len(frames), len(frames), control_map=maps))
    return maps


def _check_family(name: str, controlnet: Mapping, unet: Mapping) -> None:
    """Refuses a ControlNet whose layers have other sizes than the UNet's."""
    sizes = ("in_channels", "block_out_channels", "layers_per_block", "cross_attention_dim")
    differing = [key for key in sizes if key in controlnet and key in unet and controlnet[key] != unet[key]]
    if controlnet.get(_OF_XL) != unet.get(_OF_XL):
        differing.append(_OF_XL)
    if differing:
        pairs = [(key, str(controlnet.get(key)), str(unet.get(key))) for key in differing]
        values = [
            words("{name} {given} instead of {wanted}", name=key, given=given, wanted=wanted)
            for key, given, wanted in pairs
        ]
        raise InputError(
            "E-CONTROLNET-FAMILY",
            "the ControlNet {name} belongs to another family of models ({values}); choose one that was trained for "
            "the model, such as lllyasviel/sd-controlnet-canny for Stable Diffusion 1.x, "
            "hf:thibaud/controlnet-sd21-canny-diffusers for 2.x or hf:diffusers/controlnet-canny-sdxl-1.0 for XL",
            name=name,
            values=values,
        )
