"""How far the default motion leads the subject of a video from where it began."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
