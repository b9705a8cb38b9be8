"""What a run is asked for: read once, checked before anything is loaded, in the form in which recipes keep it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ppt2v import controls, video
from ppt2v.errors import InputError
from ppt2v.language import Message, words
from ppt2v.models.adapters import adapters, motion
from ppt2v.models.families.family import Family, Use, fitting_family
from ppt2v.models.sources import catalogue, locate, network
from ppt2v.modes import MODES, Mode
from ppt2v.parameters import Parameter, holding, resolve, shown
from ppt2v.pipelines.planning import keyframes, memory, sizes, strengths
from ppt2v.pipelines.planning.timesteps import (
    check_eta,
    check_guided_part,
    check_motion_levels,
    check_spacing,
    check_steps,
)
from ppt2v.pipelines.planning.windows import window_length
from ppt2v.video.overlay import check_mark, names_image

from . import anchors, directions, drift, guides, prompts
from .anchors import check_anchors
from .drift import kept_in_view
from .families import check_families
from .finishing import check_finishing
from .guides import Guide
from .own_values import own_values
from .sampler import own_sampler

_MOST_BYTES = 255  # of a name within a path, on nearly every file system


@dataclass(frozen=True)
class Request:
    """What a run is asked for; the clip's timeline and the adapters' files have been read.

    Args:
        mode: the row of ``MODES``.
        given: the parameters that were given, as recipes keep them.
        values: a value for every parameter of the mode.
        adapters: the small files that change the model.
        guides: the ControlNets.
        clip: the part of a clip that the run starts from; None: it starts from noise alone.
        size: height and width of the frames in pixels; None where the model decides.
        memory: the most bytes to use, if there is a limit.
        lacking: what the model's file asks of its sampler, as NAME=VALUE, that no solver here does.
    """

    mode: Mode
    given: dict[str, Any]
    values: dict[str, Any]
    adapters: adapters.Adapters
    guides: tuple[Guide, ...]
    clip: video.Part | None
    size: tuple[int | None, int | None]
    memory: float | None
    lacking: tuple[str, ...] = ()

    @classmethod
    def of(cls, mode: Mode, given: Mapping[str, Any]) -> Request:
        """Reads what is asked for, without what the model itself brings along.

        Args:
            given: parameters by name; None counts as not given.

        Raises:
            InputError: anything that can be said to be wrong before a model is there.
        """
        given = directions.with_prompt(plain(mode, given))
        values = kept_in_view(resolve(mode.parameters, given, {}), given)
        _check(mode, values)
        read = cls(
            mode,
            given,
            values,
            adapters.read(values),
            guides.guides(mode, values),
            _clip(mode, values),
            sizes.parse(values.get("resolution")),
            memory.parse(values["memory"]) if values.get("memory") else None,
        )
        read._check_together()
        locate.check(values["model_name"])
        read._check_detectors()
        return read

    def with_motion_module(self, progress: bool) -> Request:
        """The same with its motion module, if it has one; downloaded, with ``progress`` bars, where it is not here.

        Raises:
            InputError: it is none, or does not go together with other values.
        """
        name = self.values.get("motion_module")
        if name is None or self.adapters.motion is not None:
            return self
        completed = replace(self, adapters=self.adapters._replace(motion=motion.read(name, progress)))
        completed._check_together()
        return completed

    def with_defaults_of(self, model: Path) -> Request:
        """The same with what the model, given as its folder or file, brings along.

        Raises:
            InputError: the model's values and those given do not go together.
        """
        own = own_values(self.mode, self.model_name, model, fast=self.values.get("fast", False))
        values = kept_in_view(resolve(self.mode.parameters, self.given, own), self.given)
        _check(self.mode, values)
        size = sizes.parse(values.get("resolution"))
        chosen = guides.guides(self.mode, values, self._text_width(model))
        completed = replace(self, values=values, guides=chosen, size=size, lacking=own_sampler(model).lacking)
        completed._check_together()
        return completed

    def _text_width(self, model: Path) -> int | None:
        """Channels of the texts that the model's UNet attends to, where a ControlNet is chosen by them."""
        if self.mode.control is None:
            return None
        unet, _ = self.family_of(model).frame_configs(model, self.values.get("vae"))
        return unet.get("cross_attention_dim")

    def family_of(self, model: Path) -> Family:
        """The family of the model, given as its folder or file; InputError where it cannot do what is asked."""
        edits = any(parameter.takes_frames and parameter.positional for parameter in self.mode.parameters)
        mode, modules = self.mode, self.adapters.motion
        use = Use(mode.name, mode.family, mode.example, self.model_name, edits, self.values, modules)
        return fitting_family(model, use)

    @property
    def model_name(self) -> str:
        return self.values["model_name"]

    @property
    def branches(self) -> int:
        """Branches of guidance that are computed together."""
        perturbed = int(self.values.get("pag_scale", 0) > 0)
        if self.values.get("guidance_scale", 2.0) <= 1:
            return 1 + perturbed
        return 3 if "image_guidance_scale" in self.values else 2 + perturbed

    @property
    def window(self) -> int | None:
        """The frames that motion modules see together; None without any, or before they are downloaded."""
        modules = self.adapters.motion
        return window_length(self.values["motion_window"], modules.longest) if modules else None

    @property
    def frames(self) -> int | None:
        """The number of frames; None where the pipeline decides."""
        return self.clip.count if self.clip else self.values.get("video_length")

    def advice(self) -> list[Message]:
        """What the person should know before the run takes time; mostly nothing."""
        values = self.values
        of_motion = [*drift.advice(values), *anchors.advice(values, self.frames)]
        return [*prompts.advice(values, self.adapters), *directions.advice(values), *of_motion]

    def output_file(self, save_path: str | Path | None = None) -> Path:
        """The file to write, ``save_path`` if not given; named after the prompt if there is no name.

        Raises:
            InputError: it cannot be written, or is what the video is made from.
        """
        path = save_path or self.values.get("save_path")
        sources = [self.values[name] for name in holding(self.mode.parameters, "clip", "picture")]
        stem = file_stem(self.values["prompt"])
        output = video.output_file(path, self.values.get("save_format"), stem, filter(None, sources))
        if self.values.get("fps") is not None:
            video.check_fps(self.values["fps"], video.ending(output), self.values.get("interpolate", 1))
        return output

    def control_values(self, kind: str) -> dict[str, Any]:
        """What the making of this kind of control maps is told; the defaults for another kind than the mode's."""
        own = self.values if kind == self.mode.kind(self.values) else {}
        return {each.name: own.get(each.name, each.default) for each in controls.CONTROLS[kind].parameters}

    def _check_detectors(self) -> None:
        """Refuses a clip whose control maps need a detector that is not there."""
        if self.clip is None:
            return
        clip = self.clip
        for kind in {guide.kind for guide in self.guides}:
            controls.check_detector(kind, self.control_values(kind), lambda count: clip.first(count).read().frames)

    def _check_together(self) -> None:
        """What can only be said of several values; no file is read again."""
        directions.check(self.values, self.frames, self.size)
        self.adapters.check([text for _, text in prompts.texts(self.values)])
        check_families(self.model_name, self.guides, self.adapters, self.values.get("motion_module"))
        if self.window is None and self.values.get("motion_window") and self.values["motion_module"] is None:
            raise InputError(
                "E-MOTION-WINDOW-ALONE",
                "motion_window={asked} needs a motion module: give motion_module=... (--motion-module)",
                asked=self.values["motion_window"],
            )
        if self.values.get(strengths.NAME) is not None:
            strengths.by_frame(self.values[strengths.NAME], self.frames or 1)
        for guide in self.guides:
            controls.check(guide.kind, self.values)
            network.check(guide.model, network.CONTROLNET)
        if self.clip and len({*self.size}) > 1:
            raise InputError(
                "E-RESOLUTION-WITH-CLIP",
                "resolution={resolution!r}: with init_video give one number, the longest side of the video",
                resolution=self.values["resolution"],
            )


def _check(mode: Mode, values: Mapping[str, Any]) -> None:
    """What the table of parameters cannot say of single values, as far as the mode has them.

    Raises:
        InputError: an empty prompt, an impossible pair, a watermark that cannot be drawn.
    """
    if not (values["prompt"] or "").strip():
        order = words("; the clip comes first, then the prompt") if mode.takes_clip else ""
        raise InputError(
            "E-PROMPT-EMPTY", "the prompt is empty: say in a few words what the video should show{order}", order=order
        )
    if mode.moves and locate.is_embedded(values["motion_module"]) and not locate.is_embedded(values["model_name"]):
        raise InputError(
            "E-MOTION-MODULE-MISSING",
            "{model} needs a motion module that was made for it, and the one that ships was made for the embedded "
            "model: give motion_module=... (--motion-module) as a folder, file or id, such as {example}",
            model=values["model_name"],
            example=network.MOTION_EXAMPLE,
        )
    prompts.check(values)
    if values.get("free_init", 1) > 1 and values["init_video"]:
        raise InputError(
            "E-FREE-INIT-CLIP",
            "free_init={free_init} starts again from the noise, and init_video from a clip: leave out one of them",
            free_init=values["free_init"],
        )
    if values.get("use_motion_field"):
        check_motion_levels(values["t0"], values["t1"])
        if values["num_inference_steps"] < 2:
            raise InputError(
                "E-MOTION-STEPS-ONE",
                "num_inference_steps=1: the motion field needs at least 2 steps; or turn it off "
                "(use_motion_field=False, --no-motion-field)",
            )
    if mode.has("control_guidance_start"):
        part = values["control_guidance_start"], values["control_guidance_end"]
        check_guided_part(values["num_inference_steps"], *part)
    if values.get("smooth_bg") and not values["use_motion_field"]:
        raise InputError(
            "E-SMOOTH-WITHOUT-MOTION",
            "smooth_bg=True moves the background along the motion field; leave use_motion_field on",
        )
    check_anchors(values)
    check_finishing(values)
    if "eta" in values:
        check_eta(values["eta"], values["solver"])
        check_steps(values["num_inference_steps"], values["solver"])
        check_spacing(values["timestep_spacing"], values["solver"])
    if values.get("watermark"):
        check_mark(values["watermark"])


def _clip(mode: Mode, values: Mapping[str, Any]) -> video.Part | None:
    """The clip that a run starts from, opened; InputError where one is missing or cannot be read."""
    for parameter in mode.parameters:
        if parameter.holds == "clip":
            path = values[parameter.name]
            if path:
                return video.part(path, values["start_t"], values["end_t"], values["out_fps"])
            if parameter.positional:
                raise InputError("E-CLIP-NOT-GIVEN", "there is no clip: give the path of a video file")
    return None


def plain(mode: Mode, given: Mapping[str, Any]) -> dict[str, Any]:
    """The values as recipes keep them: texts, with which the same models and files are found from every folder.

    Raises:
        InputError: what should be a path or a name is neither; as ``keyframes.as_text``.
    """
    parameters = {parameter.name: parameter for parameter in mode.parameters}
    if given.get("model_name") is not None:
        given = {**given, "model_name": model_of(mode, given["model_name"])}
    return {
        name: _as_text(parameters[name], value) if value is not None and name in parameters else value
        for name, value in given.items()
    }


def _as_text(parameter: Parameter, value: Any) -> Any:
    if parameter.holds == "size":
        return str(value) if parameter.kind is str else value  # the side of a square may come as a number
    if parameter.holds == "keyframes":
        return keyframes.as_text(parameter.name, value)
    if parameter.holds not in _TEXTS:
        return value
    pieces = value if isinstance(value, (list, tuple)) and parameter.many else [value]
    accepted = (str, os.PathLike, tuple, list) if parameter.many else (str, os.PathLike)  # pairs: a path and its rest
    if not all(isinstance(piece, accepted) for piece in pieces):
        raise InputError(
            "E-PARAMETER-VALUE",
            "{name}={value}: the rule is {rule}",
            name=parameter.name,
            value=shown(value),
            rule=parameter.rule,
        )
    text = _TEXTS[parameter.holds](value)
    for path in text if parameter.many else [text]:
        _check_length(parameter, path)
    return text


def _check_length(parameter: Parameter, path: str) -> None:
    """Refuses a path that no file system takes."""
    if parameter.holds == "picture" and not names_image(path):
        return
    if any(len(name.encode(errors="surrogatepass")) > _MOST_BYTES for name in path.split(os.sep)):
        raise InputError(
            "E-PATH-LONG",
            "{name}={value} has a name of more than {most} bytes: no file has one",
            name=parameter.name,
            value=shown(path),
            most=_MOST_BYTES,
        )


def _absolute(path: str | Path) -> str:
    return str(Path(os.path.expanduser(path)).absolute())


def _picture(mark: str | Path) -> str:
    return _absolute(mark) if names_image(str(mark)) else str(mark)


# By what a parameter holds: its value as a text.
_TEXTS: dict[str | None, Callable[[Any], Any]] = {
    "clip": _absolute,
    "model": locate.from_anywhere,
    "still": locate.from_anywhere,
    "file": locate.from_anywhere,
    "guide": guides.from_anywhere,
    "adapter": adapters.as_texts,
    "picture": _picture,
    "output": str,
}


def mode(name: str) -> Mode:
    """The row of ``MODES`` of that name; InputError where there is none."""
    if name not in MODES:
        raise InputError("E-MODE-UNKNOWN", "unknown mode {name!r}: choose one of {modes}", name=name, modes=MODES)
    return MODES[name]


def model_of(mode: Mode, name: str | Path) -> str | Path:
    """The model of that name: ``catalogue.EMBEDDED`` stands for the one that ships for this mode."""
    return mode.default("model_name") if str(name) == catalogue.EMBEDDED else name


def file_stem(prompt: str) -> str:
    """The name of a video's file, without its ending, where a prompt names it."""
    return re.sub(r"\W+", "-", prompt).strip("-")[:60].strip("-") or "video"
