"""What strangers may ask of a service: which parameters of a mode, which models, and how much of everything."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import hub, sizes, video
from .errors import InputError
from .modes import Mode
from .overlay import names_image
from .parameters import Parameter

CLIPS = ("video_path", "init_video")
MODELS = ("model_name", "controlnet")
# Files and folders of the machine, and how much of it a run may take.
OPERATORS = (
    "save_path", "checkpoint_dir", "lora", "textual_inversion", "tokenizer", "detector_weights", "saliency_weights",
    "memory", "decode_tile", "offload",
)
FORMATS = ("mp4", "webm", "gif")


def open_parameters(row: Mode) -> tuple[Parameter, ...]:
    """What strangers may say; they name clips by what a service calls them."""
    return tuple(parameter for parameter in row.parameters if parameter.name not in OPERATORS)


@dataclass(frozen=True)
class Limits:
    """The most that a stranger may ask for.

    Args:
        side: longest side of a video, in pixels.
        frames: of a video.
        clip_seconds: length of an uploaded clip.
        clip_side: its longest side, in pixels.
        steps: denoising steps.
        letters: of a text, such as a prompt.
        upload_bytes: size of an uploaded file.
        free_bytes: what has to be left on the disk before anything is taken on.
        models: those that may be named beside the embedded ones.
        at_home: whether whoever asks sits at the machine itself: any model, and its files, may be named.
    """

    side: int = 768
    frames: int = 64
    clip_seconds: float = 30.0
    clip_side: int = 2048
    steps: int = 100
    letters: int = 2000
    upload_bytes: int = 50 * 2**20
    free_bytes: int = 500 * 2**20
    models: tuple[str, ...] = ()
    at_home: bool = False

    def check_given(self, row: Mode, given: Mapping[str, Any]) -> None:
        """Refuses what names things of the machine, before any of it is looked at.

        Raises:
            InputError: a parameter that is the operator's, a model that is not among those, a picture as the
                watermark, another format, too many letters.
        """
        if self.at_home:
            return
        allowed = [parameter.name for parameter in open_parameters(row)]
        for name, value in given.items():
            if name in OPERATORS and value is not None:
                raise InputError(f"{name} cannot be chosen here; choose among {', '.join(allowed)}")
            self._check_length(name, value)
        for model in _models(given):
            self._check_model(model)
        save_format, watermark = given.get("save_format"), given.get("watermark")
        if save_format is not None and save_format not in FORMATS:
            raise InputError(f"save_format={save_format!r}: here it is one of {', '.join(FORMATS)}")
        if watermark is not None and names_image(str(watermark)):
            raise InputError("a picture as the watermark cannot be chosen here; give a text")

    def check_values(self, values: Mapping[str, Any]) -> None:
        """Refuses too much of something; ``values`` are what ``request.checked`` gives.

        Raises:
            InputError: too many steps, pixels or frames.
        """
        _at_most("num_inference_steps", values["num_inference_steps"], self.steps, "steps")
        _at_most("resolution", max(side or 0 for side in sizes.parse(values["resolution"])), self.side, "pixels")
        clip = next((values[name] for name in CLIPS if values.get(name)), None)
        if clip is None:
            _at_most("video_length", values["video_length"], self.frames, "frames")
        else:
            frames = video.check_clip(clip, values["start_t"], values["end_t"], values["out_fps"])
            _at_most("frames of the clip", frames, self.frames,
                     "frames; take fewer with out_fps, or a part with start_t and end_t")

    def _check_length(self, name: str, value: Any) -> None:
        texts = value if isinstance(value, (list, tuple)) else [value]
        _at_most(name, len(texts), 4, "texts")
        for text in texts:
            if isinstance(text, str):
                _at_most(name, len(text), self.letters, "letters")

    def _check_model(self, name: str) -> None:
        if name.split("/")[0] != hub.EMBEDDED and name not in map(hub.from_anywhere, self.models):
            offered = ", ".join([hub.EMBEDDED, *self.models])
            raise InputError(f"the model {name!r} cannot be chosen here; there is {offered}")


def _models(given: Mapping[str, Any]) -> list[str]:
    """The models that are named, as ``request.plain`` names them."""
    extra = given.get("extra_controls") or []
    controls = [text.split(":", 2) for text in ([extra] if isinstance(extra, str) else map(str, extra))]
    named = [given[name] for name in MODELS if given.get(name) is not None]
    return [hub.from_anywhere(name) for name in named + [parts[2] for parts in controls if len(parts) > 2]]


def _at_most(name: str, value: int, most: int, unit: str) -> None:
    if value > most:
        raise InputError(f"{name}: {value} is too much, the most here is {most} {unit}")
