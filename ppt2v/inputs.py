"""What a run starts from: a prompt alone, or a clip and what is made of it."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from . import controls, hub, sizes, video, video_models, weights
from .errors import InputError
from .model_files import read_json
from .modes import CONTROLNETS, Mode
from .progress import Progress, Watch, counted

if TYPE_CHECKING:
    import numpy as np


class Guide(NamedTuple):
    """One ControlNet of a run: its kind of control maps, its strength, and the name of the model."""

    kind: str
    strength: float
    model: str


class Inputs(NamedTuple):
    """The frames' number and rate, their size in pixels, and what the pipeline is given beside its parameters."""

    count: int
    fps: float
    size: tuple[int, int]  # height, width
    arguments: dict[str, Any]


def guides(mode: Mode, values: Mapping[str, Any]) -> list[Guide]:
    """The ControlNets that a run is guided by.

    Raises:
        InputError: an extra one that is not of the form KIND:STRENGTH[:MODEL].
    """
    if mode.control is None:
        return []
    strength = values["controlnet_conditioning_scale"]
    fitting = _fitting(values["model_name"])
    first = Guide(mode.control, strength, values["controlnet"] or CONTROLNETS[mode.control][fitting])
    return [first, *(_extra(text, fitting) for text in values["extra_controls"])]


def _fitting(model: str) -> int:
    """Which of the ``CONTROLNETS`` of a kind fits a model."""
    return 0 if hub.is_embedded(model) else 1


def _extra(text: str, fitting: int) -> Guide:
    kind, strength, model = (*text.split(":", 2), "", "")[:3]
    try:
        return Guide(kind, float(strength), model or CONTROLNETS[kind][fitting])
    except (KeyError, ValueError):
        raise InputError(
            f"extra_controls: {text!r} is not of the form KIND:STRENGTH or KIND:STRENGTH:MODEL, with a kind of "
            f"{', '.join(CONTROLNETS)} and a number; such as depth:0.5"
        ) from None


def extra_from_anywhere(texts: list[str] | str) -> list[str]:
    """Extra controls whose models are found from every folder."""
    split = [text.split(":", 2) for text in ([texts] if isinstance(texts, str) else texts)]
    return [":".join([*parts[:2], *map(hub.from_anywhere, parts[2:])]) for parts in split]


def check(mode: Mode, values: Mapping[str, Any]) -> None:
    """What can be said of a clip and of ControlNets before a model is there.

    Raises:
        InputError: a clip that is missing or damaged, times outside it, thresholds or extra controls that make no
            sense.
    """
    for guide in guides(mode, values):
        controls.check(guide.kind, values)
        hub.check(guide.model)
    if mode.takes_clip:
        if not values["video_path"]:
            raise InputError("there is no clip: give the path of a video file")
        video.check_clip(values["video_path"], *_times(values))
    if values.get("init_video"):
        video.check_clip(values["init_video"], *_times(values))
        if len({*sizes.parse(values["resolution"])}) > 1:
            raise InputError(
                f"resolution={values['resolution']!r}: with init_video give one number, the longest side of the video"
            )


def check_family(mode: Mode, name: str, model: Path) -> None:
    """Refuses a model of another family than the mode's.

    Args:
        name: of the model, as it was given.
        model: its folder or file.

    Raises:
        InputError: it is of another family.
    """
    if video_models.is_text_to_video(model) != (mode.family == "video"):
        verdict = "no text-to-video model" if mode.family == "video" else "a text-to-video model"
        raise InputError(f"{name} is {verdict}; for {mode.name} choose one such as {mode.example}")


def _times(values: Mapping[str, Any]) -> tuple[float, float, float]:
    return values["start_t"], values["end_t"], values["out_fps"]


def gather(mode: Mode, values: Mapping[str, Any], folder: Path, load_controlnet: Callable[[Path], Any],
           explain: Callable[[str], None], watch: Watch) -> Inputs:
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
        return _of_video_model(values, folder)
    configs = weights.frame_configs(folder)
    _check_kind(mode, values["model_name"], *configs)
    if not mode.takes_clip:
        size = sizes.frame_size(*sizes.parse(values["resolution"]), *configs)
        arguments: dict[str, Any] = {"height": size[0], "width": size[1]}
        if values["smooth_bg"]:
            from .detectors.saliency import SalientObject

            arguments["smooth_bg"] = SalientObject(values["saliency_weights"])
        return Inputs(values["video_length"], values["fps"], size, arguments)
    resolution = sizes.clip_resolution(values["resolution"], *configs)
    clip = video.read(values["video_path"], *_times(values), resolution, sizes.multiple(*configs))
    if mode.control is None:
        arguments = {"frames": clip.frames}
    else:
        arguments = {"controls": _controls(mode, values, clip.frames, configs[0], load_controlnet, explain, watch)}
    return Inputs(len(clip.frames), values["fps"] or clip.fps, clip.frames.shape[1:3], arguments)


def _of_video_model(values: Mapping[str, Any], folder: Path) -> Inputs:
    kind, configs = video_models.kind(folder), video_models.frame_configs(folder)
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
    frames = video.read(values["init_video"], *_times(values), longest, multiple).frames
    return Inputs(len(frames), values["fps"], frames.shape[1:3], {"clip": frames})


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
    from .pipelines.video_controlnet import Control

    made, maps = [], {}
    for guide in guides(mode, values):
        folder = hub.locate(guide.model)
        _check_family(guide.model, read_json(folder / "config.json"), unet)
        if guide.kind not in maps:
            own = values if guide.kind == mode.control else {}
            maps[guide.kind] = _maps(guide.kind, own, frames, explain, watch)
        made.append(Control(load_controlnet(folder), maps[guide.kind], guide.strength))
    return made


def _maps(kind: str, values: Mapping[str, Any], frames: np.ndarray, explain: Callable[[str], None],
          watch: Watch) -> np.ndarray:
    own = {parameter.name: values.get(parameter.name, parameter.default)
           for parameter in controls.CONTROLS[kind].parameters}
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
    differing = [key for key in ("in_channels", "block_out_channels", "layers_per_block", "cross_attention_dim")
                 if controlnet.get(key, unet[key]) != unet[key]]
    if differing:
        values = ", ".join(f"{key} {controlnet[key]} instead of {unet[key]}" for key in differing)
        raise InputError(
            f"the ControlNet {name} belongs to another family of models ({values}); choose one that was trained for "
            "the model, such as lllyasviel/sd-controlnet-canny for Stable Diffusion 1.x"
        )
