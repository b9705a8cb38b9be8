"""What a run starts from: a prompt alone, or a clip and what is made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ppt2v import controls, video
from ppt2v.errors import InputError
from ppt2v.models.families import family, stable_diffusion, text_to_video
from ppt2v.models.layouts.diffusers import read_json
from ppt2v.models.sources import locate
from ppt2v.modes import Mode
from ppt2v.pipelines.planning import sizes
from ppt2v.progress import Progress, Watch, counted
from ppt2v.request.guides import guides, times

if TYPE_CHECKING:
    import numpy as np


class Inputs(NamedTuple):
    """What a run starts from.

    Args:
        count: number of frames.
        fps: of the file.
        size: height and width in pixels.
        arguments: what the pipeline is given beside its parameters.
        clip: what the frames were taken from; None where there is no clip.
    """

    count: int
    fps: float
    size: tuple[int, int]
    arguments: dict[str, Any]
    clip: video.Cut | None = None


def gather(
    mode: Mode,
    values: Mapping[str, Any],
    folder: Path,
    load_controlnet: Callable[[Path], Any],
    explain: Callable[[str], None],
    watch: Watch,
) -> Inputs:
    """Reads the clip of a run, where it has one, and makes what guides it.

    Args:
        folder: of the model.
        load_controlnet: gives the ControlNet of a folder.
        explain: told what was decided about a clip.
        watch: told how far the control maps are.

    Raises:
        InputError: a size that the model cannot make, a ControlNet of another family, as ``check``.
    """
    if mode.family == "video":
        return _of_video_model(values, folder, explain)
    configs = stable_diffusion.frame_configs(folder)
    _check_kind(mode, values["model_name"], *configs)
    if not mode.takes_clip:
        size = sizes.frame_size(*sizes.parse(values["resolution"]), *configs)
        arguments: dict[str, Any] = {"height": size[0], "width": size[1]}
        if values["smooth_bg"]:
            from ppt2v.detectors.u2net import SalientObject

            arguments["smooth_bg"] = SalientObject(values["saliency_weights"])
        return Inputs(values["video_length"], values["fps"], size, arguments)
    resolution = sizes.clip_resolution(values["resolution"], *configs)
    clip = _clip(values, "video_path", explain)
    frames = clip.read(resolution, sizes.multiple(*configs)).frames
    if mode.control is None:
        arguments = {"frames": frames}
    else:
        arguments = {"controls": _controls(mode, values, frames, configs[0], load_controlnet, explain, watch)}
    return Inputs(len(frames), values["fps"] or clip.fps, frames.shape[1:3], arguments, clip)


def sound(made: Inputs, explain: Callable[[str], None]) -> video.Sound | None:
    """What is to be heard with the frames: the clip's own sound, unless they are shown at another speed than there."""
    if made.clip is None:
        return None
    if made.fps == made.clip.fps:
        return made.clip.sound()
    if made.clip.has_sound:
        explain(
            f"the clip's sound is left out: its frames were {made.clip.fps:g} per second, those of the video are "
            f"{made.fps:g} (fps)"
        )
    return None


def _clip(values: Mapping[str, Any], name: str, explain: Callable[[str], None]) -> video.Cut:
    clip = video.cut(values[name], *times(values))
    for note in clip.notes:
        explain(note)
    return clip


def _of_video_model(values: Mapping[str, Any], folder: Path, explain: Callable[[str], None]) -> Inputs:
    kind, configs = family.kind(folder), text_to_video.frame_configs(folder)
    if values["content_seed"] is not None and not kind.base_noise:
        raise InputError(
            f"content_seed={values['content_seed']}: in {values['model_name']} the frames share no noise that it could "
            "fix; leave it out, or take a VideoFusion model"
        )
    height, width = sizes.parse(values["resolution"])
    if not values["init_video"]:
        size = sizes.frame_size(height, width, *configs, any_latents=kind.any_latents)
        return Inputs(values["video_length"], values["fps"], size, {"height": size[0], "width": size[1]})
    longest = sizes.clip_resolution(width, *configs, any_latents=kind.any_latents)
    multiple = sizes.multiple(*configs, any_latents=kind.any_latents)
    clip = _clip(values, "init_video", explain)
    frames = clip.read(longest, multiple).frames
    return Inputs(len(frames), values["fps"], frames.shape[1:3], {"clip": frames}, clip)


def _check_kind(mode: Mode, name: str, unet: Mapping, vae: Mapping) -> None:
    """Refuses a model whose UNet takes other latents than the mode has."""
    edits = mode.takes_clip and mode.control is None
    wanted = vae["latent_channels"] * (2 if edits else 1)
    if unet["in_channels"] != wanted:
        raise InputError(
            f"{name} is no model for {mode.name}: its UNet takes {unet['in_channels']} channels (in_channels) instead "
            f"of {wanted}; choose one such as {mode.example}"
        )


def _controls(mode, values, frames, unet: Mapping, load_controlnet, explain, watch) -> list:
    from ppt2v.pipelines.video_controlnet import Control

    made, maps = [], {}
    for guide in guides(mode, values):
        folder = locate.locate(guide.model)
        _check_family(guide.model, read_json(folder / "config.json"), unet)
        if guide.kind not in maps:
            own = values if guide.kind == mode.control else {}
            maps[guide.kind] = _maps(guide.kind, own, frames, explain, watch)
        made.append(Control(load_controlnet(folder), maps[guide.kind], guide.strength))
    return made


def _maps(
    kind: str, values: Mapping[str, Any], frames: np.ndarray, explain: Callable[[str], None], watch: Watch
) -> np.ndarray:
    own = {
        parameter.name: values.get(parameter.name, parameter.default)
        for parameter in controls.CONTROLS[kind].parameters
    }
    made = controls.control_maps(kind, frames, own)
    if made.decision:
        explain(made.decision)
    maps, stage = video.on_disk(frames.shape), f"Control maps ({kind})"
    for place, frame in enumerate(counted(made.frames, len(frames), stage, watch)):
        maps[place] = frame
    watch(Progress(stage, len(frames), len(frames), control_map=maps))
    return maps


def _check_family(name: str, controlnet: Mapping, unet: Mapping) -> None:
    """Refuses a ControlNet whose layers have other sizes than the UNet's."""
    differing = [
        key
        for key in ("in_channels", "block_out_channels", "layers_per_block", "cross_attention_dim")
        if controlnet.get(key, unet[key]) != unet[key]
    ]
    if differing:
        values = ", ".join(f"{key} {controlnet[key]} instead of {unet[key]}" for key in differing)
        raise InputError(
            f"the ControlNet {name} belongs to another family of models ({values}); choose one that was trained for "
            "the model, such as lllyasviel/sd-controlnet-canny for Stable Diffusion 1.x"
        )
