"""How far the default motion leads the subject of a video from where it began."""

from __future__ import annotations

from collections.abc import Mapping
from math import copysign, pi
from typing import Any

from ppt2v.language import Message
from ppt2v.modes.motion import PUBLISHED

_GRID = 512  # in whose parts motion is given
_HALF = _GRID / 2  # on which way what is in the middle of the picture leaves it
LENGTH = 8  # frames, whose whole way is that of longer videos too
MOTION = ("motion_field_strength_x", "motion_field_strength_y")


def kept_in_view(values: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The values with a default motion that leads no further in a longer video than in one of ``LENGTH`` frames.

    The motion is the same from frame to frame; at the published default the subject has left the picture by the
    twentieth. With a camera that default is no motion. What is given stays as it is.
    """
    frames = values.get("video_length") or LENGTH
    share = 0.0 if values.get("camera") is not None else (LENGTH - 1) / max(frames - 1, LENGTH - 1)
    slower = {name: values[name] * share for name in MOTION if name in values and given.get(name) is None}
    return {**values, **slower}


def advice(values: Mapping[str, Any]) -> list[Message]:
    """Says so where a motion that was given leads the middle of the picture out of it; a camera's way is not its."""
    if not values.get("use_motion_field"):
        return []
    frames = values["video_length"]
    steps = frames / pi if values["loop"] else frames - 1  # a loop goes round on a circle
    if max(abs(values[name]) for name in MOTION) * steps <= _HALF:
        return []
    kept = [min(abs(values[name]), PUBLISHED * (LENGTH - 1) / steps) for name in MOTION]
    signed = [copysign(size, values[name]) for size, name in zip(kept, MOTION)]
    return [
        Message(
            "N-MOTION-FAR",
            "the motion leads the picture further than half its size over {frames} frames, so that the subject leaves "
            "it: to keep it there give a smaller motion, such as --motion {x:.1f} {y:.1f} (motion_field_strength_x, "
            "motion_field_strength_y)",
            frames=frames,
            x=signed[0],
            y=signed[1],
        )
    ]
