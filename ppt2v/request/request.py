"""What a run is asked for: read once, checked before anything is loaded, in the form in which recipes keep it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ppt2v import controls, video
from ppt2v.errors import InputError
from ppt2v.language import Message
from ppt2v.models.adapters import adapters, motion
from ppt2v.models.families.family import Family, Use, fitting_family
from ppt2v.models.sources import locate, network
from ppt2v.modes import MODES, Mode
from ppt2v.parameters import holding, resolve
from ppt2v.pipelines.planning import memory, sizes, strengths
from ppt2v.pipelines.planning.windows import window_length

from . import anchors, directions, drift, guides, prompts
from .checks import check
from .drift import kept_in_view
from .families import check_families
from .guides import Guide
from .own_values import own_values
from .sampler import own_sampler
from .texts import as_texts


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
        given = directions.with_prompt(as_texts(mode, given))
        values = kept_in_view(resolve(mode.parameters, given, {}), given)
        check(mode, values)
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
        check(self.mode, values)
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


def mode(name: str) -> Mode:
    """The row of ``MODES`` of that name; InputError where there is none."""
    if name not in MODES:
        raise InputError("E-MODE-UNKNOWN", "unknown mode {name!r}: choose one of {modes}", name=name, modes=MODES)
    return MODES[name]


def file_stem(prompt: str) -> str:
    """The name of a video's file, without its ending, where a prompt names it."""
    return re.sub(r"\W+", "-", prompt).strip("-")[:60].strip("-") or "video"
