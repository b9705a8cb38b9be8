"""Frames to control maps. Detectors load when they are needed.

Frames and maps are uint8 RGB ``[H, W, 3]``; they are taken and given one by one, so a clip of any length needs the
memory of a few frames.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ppt2v.environment.threads import import_paddle
from ppt2v.errors import InputError, Notice
from ppt2v.language import Message, words
from ppt2v.models.sources import locate
from ppt2v.models.sources.catalogue import EMBEDDED

from .table import AUTO, CONTROLS, MAP, Control

if TYPE_CHECKING:
    import numpy as np

    Frames = Iterable[np.ndarray]

_LOOKED_AT = 4  # frames, to decide what a clip is
_EMBEDDED_DEPTH = f"{EMBEDDED}/nearness"


class Maker(NamedTuple):
    """How maps are made of frames.

    ``look``: gives what is to be seen in one, whatever the others show; ``draw``: gives the maps of what is seen in all
    of them, in order, one for one; ``how``: says it in a few words; ``notice``: what a person should know of the maps.
    """

    look: Callable[[np.ndarray], Any]
    draw: Callable[[Iterable[Any]], Iterator[np.ndarray]]
    how: Message
    notice: Notice | None = None


class Maps(NamedTuple):
    """frames: the control maps, one per frame, made as they are asked for; decision: one line that says what was
    decided about the clip, or None where nothing had to be."""

    frames: Iterator[np.ndarray]
    decision: Message | None


def control_maps(
    name: str, frames: Frames, values: Mapping[str, Any], look: Callable[[Frames], Iterator[Any]] | None = None
) -> Maps:
    """The control maps of a clip.

    Args:
        name: a key of ``CONTROLS``.
        frames: uint8 RGB ``[H, W, 3]``; the first few are looked at, and weights are loaded, before this returns. That
            nobody is in the clip shows only after its last frame.
        values: a value for each of the control's parameters, as ``parameters.resolve`` gives them.
        look: gives what the ``Maker`` of these values sees in each frame; None: that is done here.

    Raises:
        InputError: as ``check``; weights that are missing or do not fit; no frames; poses of nobody.
    """
    check(name, values)
    control, frames = CONTROLS[name], iter(frames)
    first = list(islice(frames, _LOOKED_AT))
    if not first:
        raise InputError("E-CLIP-NO-FRAMES", "the clip has no frames; give one with at least one frame")
    frames, asked = chain(first, frames), values["control"]
    if asked == MAP or (asked == AUTO and _is_ready(control, first)):
        decision = words("{control}: the clip is already {ready}; used as it is", control=name, ready=control.ready)
        return Maps(frames, decision if asked == AUTO else None)
    made = maker(name, values)
    decision = words(
        "{control}: the clip is not {ready}; its maps are made {how}", control=name, ready=control.ready, how=made.how
    )
    if made.notice:
        warnings.warn(made.notice, stacklevel=2)
    seen = look(frames) if look else map(made.look, frames)
    return Maps(made.draw(seen), decision if asked == AUTO else None)


def maker(name: str, values: Mapping[str, Any]) -> Maker:
    """What makes the maps of a clip that is none itself; loads its weights.

    Args:
        name, values: as for ``control_maps``.

    Raises:
        InputError: such maps are made by other programs; weights that are missing or do not fit.
    """
    control = CONTROLS[name]
    if control.maker is None:
        raise _no_maker(control)
    return _function(control.maker)(values)


def _is_ready(control: Control, first: list[np.ndarray]) -> bool:
    return control.recogniser is not None and _function(control.recogniser)(first)


def _no_maker(control: Control) -> InputError:
    return InputError(
        "E-CONTROL-MAPS-ONLY",
        "{control}: such maps are made by other programs; give a clip of ready ones, with --control map (in Python "
        "control='map') where it is not taken for one",
        control=control.name,
    )


def _function(name: str) -> Callable:
    """The function of "module:function" in this folder."""
    module, function = name.split(":")
    return getattr(importlib.import_module(f".{module}", __package__), function)


def check(name: str, values: Mapping[str, Any]) -> None:
    """What can be said before a clip is opened.

    Raises:
        InputError: an unknown control, or thresholds that leave no edge between them.
    """
    if name not in CONTROLS:
        raise InputError(
            "E-CONTROL-UNKNOWN", "unknown control {name!r}: choose one of {controls}", name=name, controls=CONTROLS
        )
    low, high = values.get("low_threshold"), values.get("high_threshold")
    if low is not None and high is not None and high <= low:
        raise InputError(
            "E-THRESHOLDS",
            "low_threshold={low}, high_threshold={high}: the rule is high_threshold > low_threshold; 100 and 200 are "
            "usual",
            low=low,
            high=high,
        )


def check_detector(name: str, values: Mapping[str, Any], first_frames: Callable[[int], Iterable[np.ndarray]]) -> None:
    """Refuses, before a network is loaded, a clip whose maps need a detector that is not there.

    Args:
        name, values: as for ``control_maps``.
        first_frames: reads so many frames of the clip.

    Raises:
        InputError: there is no detector, and the clip is no ready map.
    """
    control, asked = CONTROLS[name], values["control"]
    if asked == MAP:
        return
    try:
        if control.maker is None:
            raise _no_maker(control)
        if control.detector is not None:
            _function(control.detector)(values)
    except InputError:
        if asked != AUTO or not _is_ready(control, list(first_frames(_LOOKED_AT))):
            raise


def canny(values: Mapping[str, Any]) -> Maker:
    import cv2
    import numpy as np

    low, high = values["low_threshold"], values["high_threshold"]

    def edges(frame: np.ndarray) -> np.ndarray:
        return np.repeat(cv2.Canny(frame, low, high)[..., None], 3, -1)

    return Maker(edges, iter, words("by Canny's method with the thresholds {low} and {high}", low=low, high=high))


def tile(values: Mapping[str, Any]) -> Maker:
    return Maker(lambda frame: frame, iter, words("by taking its frames"))


def pose(values: Mapping[str, Any]) -> Maker:
    from ppt2v.detectors.skeleton import draw

    find_people = _people_finder(values["detector_weights"])

    def skeletons(frame: np.ndarray) -> tuple[np.ndarray, int]:
        people = find_people(frame)
        return draw(people, *frame.shape[:2]), len(people)

    def drawings(seen: Iterable[tuple[np.ndarray, int]]) -> Iterator[np.ndarray]:
        found = 0
        for drawing, people in seen:
            found += people
            yield drawing
        if not found:
            raise InputError(
                "E-POSE-NOBODY",
                "{detector} found nobody in any frame of the clip; give a clip in which a person can be seen",
                detector=find_people.name,
            )

    return Maker(skeletons, drawings, words("by {detector}", detector=find_people.name))


def _people_finder(weights: str | None):
    from ppt2v.detectors import blazepose

    if weights is not None:
        import_paddle()
        from ppt2v.detectors.openpose import OpenPose

        return OpenPose(weights)
    check_pose_detector({"detector_weights": None})
    return blazepose.BlazePose()


def check_pose_detector(values: Mapping[str, Any]) -> None:
    """Raises InputError where neither OpenPose is given nor MediaPipe installed."""
    from ppt2v.detectors import blazepose

    if values["detector_weights"] is not None or blazepose.is_installed():
        return
    install: str | Message = ""
    if sys.version_info < blazepose.NOT_SINCE:
        install = words(", or run pip install '{requirement}'", requirement=blazepose.REQUIREMENT)
    raise InputError(
        "E-POSE-DETECTOR",
        "poses in a video need a detector: add --detector hf:lllyasviel/Annotators (in Python detector_weights=...), "
        "or OpenPose's file body_pose_model.pth{install}, or give a clip that already is a skeleton drawing",
        install=install,
    )


def depth(values: Mapping[str, Any]) -> Maker:
    check_depth_detector(values)
    import_paddle()
    from ppt2v.detectors.depth_maps import steady

    if values["detector_weights"] not in (None, _EMBEDDED_DEPTH):
        from ppt2v.detectors.dpt import DepthNetwork

        return Maker(DepthNetwork(values["detector_weights"]), steady, words("by {detector}", detector="DPT"))
    from ppt2v.detectors.mobile_unet import SmallDepthNetwork

    notice = Notice(
        "N-SMALL-DEPTH",
        "depth is found by the small network that ships: roughly and in soft outlines, best for one subject before a "
        "plain background; for filmed scenes in detail add --detector hf:Intel/dpt-hybrid-midas (in Python "
        "detector_weights=...)",
    )
    return Maker(SmallDepthNetwork(_EMBEDDED_DEPTH), steady, words("by the small network that ships"), notice)


def check_depth_detector(values: Mapping[str, Any]) -> None:
    """Raises InputError where what is given is no id, and nothing on this machine that can be a depth network."""
    given = values["detector_weights"]
    if given in (None, _EMBEDDED_DEPTH) or locate.is_id(given):
        return
    if locate.is_embedded(given) or not (Path(locate.from_anywhere(given)) / "config.json").is_file():
        raise InputError(
            "E-DEPTH-DETECTOR",
            "detector_weights={given!r} is no depth network: give the folder of a DPT network, with its config.json, "
            "or an id, such as hf:Intel/dpt-hybrid-midas; without --detector the small network that ships is taken",
            given=given,
        )
