"""What strangers may ask of a service: which parameters of a mode, which models, and how much of everything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ppt2v.errors import InputError
from ppt2v.models.sources import catalogue, locate
from ppt2v.modes import Mode
from ppt2v.parameters import Parameter
from ppt2v.pipelines.planning import sizes

CLIPS = ("video_path", "init_video")
MODELS = ("model_name", "controlnet")
# Files and folders of the machine, and how much of it a run may take.
OPERATORS = (
    "save_path",
    "checkpoint_dir",
    "lora",
    "textual_inversion",
    "tokenizer",
    "detector_weights",
    "saliency_weights",
    "memory",
    "decode_tile",
    "offload",
)
FORMATS = ("mp4", "webm", "gif")
_FRAMES_PER_SECOND = 240  # of a clip; as many as can be taken from one (``out_fps``)
MOST_TEXTS = 4  # of a parameter that takes several

# What clips begin with, after so many bytes: of all that FFmpeg reads, the formats that cannot name other files, as
# playlists do.
_BEGINNINGS = ((4, b"ftyp"), (0, b"\x1aE\xdf\xa3"), (0, b"GIF8"), (8, b"AVI "))


@dataclass(frozen=True)
class Limits:
    """The most that a stranger may ask for.

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
        closed: names of the parameters that are not theirs to give.
        at_home: whether whoever asks sits at the machine itself: any parameter may be given, and any model named.
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
    closed: tuple[str, ...] = OPERATORS
    at_home: bool = False

    def open_parameters(self, row: Mode) -> tuple[Parameter, ...]:
        """What may be said."""
        return tuple(parameter for parameter in row.parameters if self.at_home or parameter.name not in self.closed)

    def check_given(self, row: Mode, given: Mapping[str, Any]) -> None:
        """Refuses what names things of the machine, before any of it is looked at.

        Args:
            given: as strangers say it, but clips as paths.

        Raises:
            InputError: a parameter that is closed, a model that is not among those, a file that is no clip or
                too large, a picture as the watermark, another format, too many letters.
        """
        if not self.at_home:
            self._check_names(row, given)
        for name, value in given.items():
            self._check_length(name, value)
            if name in CLIPS and value is not None:
                self.check_clip(Path(value))

    def _check_names(self, row: Mode, given: Mapping[str, Any]) -> None:
        allowed = [parameter.name for parameter in self.open_parameters(row)]
        for name in self.closed:
            if given.get(name) is not None:
                raise InputError(f"{name} cannot be chosen here; choose among {', '.join(allowed)}")
        for model in _models(given):
            self._check_model(model)
        _check_output(given.get("save_format"), given.get("watermark"))

    def check_clip(self, path: Path) -> None:
        """Raises InputError for a file that is no clip, and for one that is too long or too large."""
        from ppt2v.video import facts

        if path.is_file() and not _is_clip(path):
            raise InputError("the file is no video that is taken here: give an mp4, mov, webm, mkv, avi or gif")
        most_frames = self.clip_seconds * _FRAMES_PER_SECOND
        about = facts(path, most_frames + 1, self.clip_side)
        _at_most("the clip", round(about.seconds), self.clip_seconds, "seconds")
        _at_most("the clip's frames", about.frames, most_frames, "frames")
        _at_most("the clip's longest side", max(about.height, about.width), self.clip_side, "pixels")

    def check_values(self, values: Mapping[str, Any]) -> None:
        """Refuses too much of something; ``values`` are what ``request.checked`` gives.

        Raises:
            InputError: too many steps, pixels or frames.
        """
        from ppt2v.video import check_clip

        _at_most("num_inference_steps", values["num_inference_steps"], self.steps, "steps")
        _at_most("resolution", max(side or 0 for side in sizes.parse(values["resolution"])), self.side, "pixels")
        clip = next((values[name] for name in CLIPS if values.get(name)), None)
        if clip is None:
            _at_most("video_length", values["video_length"], self.frames, "frames")
        else:
            frames = check_clip(clip, values["start_t"], values["end_t"], values["out_fps"])
            _at_most(
                "frames of the clip",
                frames,
                self.frames,
                "frames; take fewer with out_fps, or a part with start_t and end_t",
            )

    def _check_length(self, name: str, value: Any) -> None:
        texts = value if isinstance(value, (list, tuple)) else [value]
        _at_most(name, len(texts), MOST_TEXTS, "texts")
        for text in texts:
            if isinstance(text, str):
                _at_most(name, len(text), self.letters, "letters")

    def _check_model(self, name: str) -> None:
        if not locate.is_embedded(name) and name not in map(locate.from_anywhere, self.models):
            offered = ", ".join([catalogue.EMBEDDED, *self.models])
            raise InputError(f"the model {name!r} cannot be chosen here; there is {offered}")


def _is_clip(path: Path) -> bool:
    with path.open("rb") as file:
        beginning = file.read(16)
    return any(beginning[start:].startswith(mark) for start, mark in _BEGINNINGS)


def _models(given: Mapping[str, Any]) -> list[str]:
    """The models that are named, as ``request.plain`` names them."""
    extra = given.get("extra_controls") or []
    controls = [text.split(":", 2) for text in ([extra] if isinstance(extra, str) else map(str, extra))]
    named = [given[name] for name in MODELS if given.get(name) is not None]
    return [locate.from_anywhere(name) for name in named + [parts[2] for parts in controls if len(parts) > 2]]


def _check_output(save_format: Any, watermark: Any) -> None:
    from ppt2v.video.overlay import names_image

    if save_format is not None and save_format not in FORMATS:
        raise InputError(f"save_format={save_format!r}: here it is one of {', '.join(FORMATS)}")
    if watermark is not None and names_image(str(watermark)):
        raise InputError("a picture as the watermark cannot be chosen here; give a text")


def _at_most(name: str, value: int, most: int, unit: str) -> None:
    if value > most:
        raise InputError(f"{name}: {value} is too much, the most here is {most} {unit}")
