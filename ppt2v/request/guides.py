"""The ControlNets that a run is guided by, and the clip it starts from, as they are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ppt2v import controls, video
from ppt2v.controls.table import CONTROLNETS
from ppt2v.errors import InputError
from ppt2v.models.sources import locate
from ppt2v.modes import Mode
from ppt2v.pipelines.planning import sizes


class Guide(NamedTuple):
    """One ControlNet of a run: its kind of control maps, its strength, and the name of the model."""

    kind: str
    strength: float
    model: str


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
    return 0 if locate.is_embedded(model) else 1


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
    return [":".join([*parts[:2], *map(locate.from_anywhere, parts[2:])]) for parts in split]


def check(mode: Mode, values: Mapping[str, Any]) -> None:
    """What can be said of a clip and of ControlNets before a model is there.

    Raises:
        InputError: a clip that is missing or damaged, times outside it, thresholds or extra controls that make no
            sense.
    """
    for guide in guides(mode, values):
        controls.check(guide.kind, values)
        locate.check(guide.model)
    if mode.takes_clip:
        if not values["video_path"]:
            raise InputError("there is no clip: give the path of a video file")
        video.check_clip(values["video_path"], *times(values))
    if values.get("init_video"):
        video.check_clip(values["init_video"], *times(values))
        if len({*sizes.parse(values["resolution"])}) > 1:
            raise InputError(
                f"resolution={values['resolution']!r}: with init_video give one number, the longest side of the video"
            )


def times(values: Mapping[str, Any]) -> tuple[float, float, float]:
    return values["start_t"], values["end_t"], values["out_fps"]
