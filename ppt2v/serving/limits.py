"""What clients may ask of a service: which parameters of a mode, which models, and how much of everything."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ppt2v.errors import InputError
from ppt2v.language import Message, either, words
from ppt2v.models.sources import catalogue, locate
from ppt2v.modes import Mode
from ppt2v.parameters import Parameter, holding, shown
from ppt2v.pipelines.planning.anchors import Anchors
from ppt2v.request.guides import models_of

from . import webhooks

if TYPE_CHECKING:
    from ppt2v.request.request import Request
    from ppt2v.video import Facts

    from .adapter_folder import AdapterFolder
    from .job import Terms

# What parameters hold that name files and folders of the machine, or how much of it a run may take: for its operator.
OPERATORS = ("output", "adapter", "still", "file", "machine")
FORMATS = ("mp4", "webm", "gif")
_MOST_FPS = 240  # of a clip; cameras have no more
MOST_TEXTS = 4  # of a parameter that takes several
_MOST_TIMES = 4  # that many frames may be written for each that a video may have
_MOST_ANCHORS = 16  # frames whose keys and values are kept for the others to attend to

# What clips begin with, after so many bytes: of all that FFmpeg reads, the formats that cannot name other files, as
# playlists do.
_BEGINNINGS = ((4, b"ftyp"), (0, b"\x1aE\xdf\xa3"), (0, b"GIF8"), (8, b"AVI "))


@dataclass(frozen=True)
class Limits:
    """The most that a client may ask for.

    Args:
        side: longest side of a video, in pixels.
        frames: of a video.
        steps: denoising steps.
        letters: of a text, such as a prompt.
        clip_seconds: length of a clip.
        clip_side: its longest side, in pixels.
        upload_mb: size of an uploaded file, in MB (1e6 bytes).
        free_mb: what has to be left on the disk before anything is taken on.
        models: those that may be named beside the embedded ones.
        adapters: those that may be named; None: none.
        seeds: videos that one request may ask for.
        webhooks: addresses, as SCHEME://HOST:PORT, of the servers to which a job may be reported.
        priority: the highest that a job may have; 0 is the lowest.
        closed: what the parameters hold that are not theirs to give (``Parameter.holds``).
        at_home: whether the client is the person at the machine: any parameter may be given, and any model named.
    """

    side: int = 768
    frames: int = 64
    steps: int = 100
    letters: int = 2000
    clip_seconds: int = 30
    clip_side: int = 2048
    upload_mb: int = 50
    free_mb: int = 500
    models: tuple[str, ...] = ()
    adapters: AdapterFolder | None = None
    seeds: int = 16
    webhooks: tuple[str, ...] = ()
    priority: int = 0
    closed: tuple[str, ...] = OPERATORS
    at_home: bool = False

    def open_parameters(self, row: Mode) -> tuple[Parameter, ...]:
        """What may be said."""
        return tuple(parameter for parameter in row.parameters if self.at_home or self._is_open(parameter))

    def _is_open(self, parameter: Parameter) -> bool:
        return parameter.holds not in self.closed or (parameter.holds == "adapter" and self.adapters is not None)

    def check_given(self, row: Mode, given: Mapping[str, Any]) -> None:
        """Refuses what names things of the machine, before any of it is looked at.

        Args:
            given: as clients say it, but clips as paths.

        Raises:
            InputError: a parameter that is closed, a model that is not among those, a file that is no clip or
                too large, a picture as the watermark, another format, too many letters.
        """
        if not self.at_home:
            self._check_names(row, given)
        clips = holding(row.parameters, "clip")
        for name, value in given.items():
            self._check_length(name, value)
            if name in clips and value is not None:
                check_beginning(Path(value))

    def _check_names(self, row: Mode, given: Mapping[str, Any]) -> None:
        from ppt2v.video.overlay import names_image

        allowed = [parameter.name for parameter in self.open_parameters(row)]
        for name in holding(row.parameters, *self.closed):
            if given.get(name) is not None and name not in allowed:
                raise InputError(
                    "E-CLOSED-PARAMETER", "{name} cannot be chosen here; choose among {names}", name=name, names=allowed
                )
        for name in holding(row.parameters, "adapter"):
            self._check_adapters(name, given.get(name) or [])
        for model in _models(row, given):
            self._check_model(model)
        for name in holding(row.parameters, "format"):
            if given.get(name) not in (None, *FORMATS):
                raise InputError(
                    "E-CLOSED-FORMAT",
                    "{name}={value!r}: here it is one of {formats}",
                    name=name,
                    value=given[name],
                    formats=FORMATS,
                )
        for name in holding(row.parameters, "picture"):
            if given.get(name) is not None and names_image(str(given[name])):
                raise InputError(
                    "E-CLOSED-PICTURE", "a picture as the {name} cannot be chosen here; give a text", name=name
                )

    def check_terms(self, terms: Terms) -> None:
        """Raises InputError for too high a priority, and for an address to which no job may be reported."""
        if not 0 <= terms.priority <= self.priority:
            raise InputError(
                "E-PRIORITY",
                "priority={priority}: here it is a number from 0 to {most}",
                priority=terms.priority,
                most=self.priority,
            )
        self._check_webhook(terms.webhook)

    def _check_webhook(self, url: str | None) -> None:
        if url is None or webhooks.origin(url) in map(webhooks.origin, self.webhooks):
            return
        if not self.webhooks:
            raise InputError("E-WEBHOOKS-NONE", "this service reports jobs to nobody: leave out the webhook")
        raise InputError(
            "E-WEBHOOK-CLOSED",
            "the webhook {url} cannot be chosen here; it has to be at {servers}",
            url=shown(url),
            servers=either(self.webhooks),
        )

    def check_clip(self, path: Path) -> Facts:
        """What a clip says of itself; InputError for a file that is no clip, and for one too long or too large."""
        from ppt2v.video import facts

        check_beginning(path)
        about = facts(path, self._clip_frames + 1, self.clip_side)
        self._check_facts(about)
        return about

    @property
    def _clip_frames(self) -> int:
        """The most frames of a clip, for one that says nothing of its seconds."""
        return max(1, self.clip_seconds) * _MOST_FPS

    def _check_facts(self, about: Facts) -> None:
        _at_most(words("the clip"), round(about.seconds), self.clip_seconds, words("seconds"))
        _at_most(words("frames of the clip"), about.frames, self._clip_frames, words("frames"))
        _at_most(words("the clip's longest side"), max(about.height, about.width), self.clip_side, words("pixels"))

    def most(self, parameter: Parameter) -> int | float | None:
        """The most that a parameter may be here, None where any number that it may be will do."""
        if parameter.holds == "size":
            return self.side
        here = {"num_inference_steps": self.steps, "video_length": self.frames}.get(parameter.name)
        return min((bound for bound in (here, parameter.maximum) if bound is not None), default=None)

    def check_request(self, request: Request) -> None:
        """Refuses too much of something.

        Raises:
            InputError: too many steps, pixels, frames or anchors, or too long a clip.
        """
        times = request.values.get("free_init", 1)
        named = "num_inference_steps" if times == 1 else words("num_inference_steps, times free_init")
        _at_most(named, times * request.values.get("num_inference_steps", 0), self.steps, words("steps"))
        self._check_size(request)
        self._check_frames(request)
        if not self.at_home:
            _check_multiples(request, _MOST_TIMES * self.frames)

    def _check_size(self, request: Request) -> None:
        side, larger = max(side or 0 for side in request.size), request.values.get("upscale", 1)
        if larger > 1 and not side and not self.at_home:
            raise InputError(
                "E-UPSCALE-SIZE",
                "upscale={times:g}: say the resolution as well; the most here is {most} pixels in the end",
                times=larger,
                most=self.side,
            )
        named = "resolution" if larger == 1 else words("resolution, times upscale")
        largest = side if side > self.side else round(larger * side)  # of a side beyond all floats there is no product
        _at_most(named, largest, self.side, words("pixels"))

    def _check_frames(self, request: Request) -> None:
        if request.clip is None:
            _at_most("video_length", request.frames or 0, self.frames, words("frames"))
            return
        self._check_facts(request.clip.facts)
        _at_most(
            words("frames of the clip"),
            request.clip.count,
            self.frames,
            words("frames; take fewer with out_fps, or a part with start_t and end_t"),
        )

    def _check_length(self, name: str, value: Any) -> None:
        texts = value if isinstance(value, (list, tuple)) else [value]
        _at_most(name, len(texts), MOST_TEXTS, words("texts"))
        for text in texts:
            if isinstance(text, str):
                _at_most(name, len(text), self.letters, words("letters"))

    def _check_adapters(self, name: str, texts: Sequence[str]) -> None:
        if self.adapters is not None and not self.adapters.holds(texts):
            names = self.adapters.names(name) or words("none")
            raise InputError(
                "E-CLOSED-ADAPTER", "{name}: only listed files can be chosen here: {names}", name=name, names=names
            )

    def _check_model(self, name: str) -> None:
        if not locate.is_embedded(name) and name not in map(locate.from_anywhere, self.models):
            # Folders are not told; whoever may use one knows it from the operator.
            offered = [catalogue.EMBEDDED, *(model for model in self.models if not os.path.exists(model))]
            raise InputError(
                "E-CLOSED-MODEL",
                "the model {name!r} cannot be chosen here; there is {offered}",
                name=name,
                offered=offered,
            )


def check_beginning(path: Path) -> None:
    """Raises InputError for a file that begins as none of the formats that are taken."""
    if path.is_file() and not _is_clip(path):
        raise InputError(
            "E-CLIP-TYPE", "the file is no video that is taken here: give an mp4, mov, webm, mkv, avi or gif"
        )


def _is_clip(path: Path) -> bool:
    with path.open("rb") as file:
        beginning = file.read(16)
    return any(beginning[start:].startswith(mark) for start, mark in _BEGINNINGS)


def _models(row: Mode, given: Mapping[str, Any]) -> list[str]:
    """The models that are named, as ``texts.as_texts`` names them."""
    named = [given[name] for name in holding(row.parameters, "model") if given.get(name) is not None]
    for name in holding(row.parameters, "guide"):
        named += models_of(given.get(name) or [])
    return [locate.from_anywhere(name) for name in named]


def _check_multiples(request: Request, most: int) -> None:
    """Refuses more than ``most`` frames with those between the video's own, and too large a bank of anchors."""
    values, frames = request.values, request.frames or 0
    written = (frames - 1) * values.get("interpolate", 1) + 1
    _at_most("interpolate", written, most, words("frames with those in between; give a smaller number"))
    if "anchors" in values:
        kept = Anchors.parse(values["anchors"]).remembered(frames)
        _at_most("anchors", kept, _MOST_ANCHORS, words("frames to attend to; give a larger number"))


def _at_most(name: str | Message, value: int, most: int, unit: Message) -> None:
    if value > most:
        raise InputError(
            "E-TOO-MUCH",
            "{name}: {value} is too much, the most here is {most} {unit}",
            name=name,
            value=value,
            most=most,
            unit=unit,
        )
