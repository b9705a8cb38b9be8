"""What can be said of a directed motion before anything is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ppt2v.errors import InputError
from ppt2v.pipelines.planning import camera

from .drift import MOTION


def check(values: Mapping[str, Any], frames: int | None, size: tuple[int | None, int | None]) -> None:
    """Refuses a camera's way that does not fit the video or other values.

    Args:
        values: of the run's parameters.
        frames: their number.
        size: height and width in pixels; None: not known yet, taken for a square.

    Raises:
        InputError: as ``camera.parse`` and ``camera.Camera.check``, or something else that moves the same.
    """
    if not values.get("camera"):
        return
    if not values["use_motion_field"]:
        raise InputError(
            "E-CAMERA-WITHOUT-FIELD",
            "camera moves the first frame, from which use_motion_field=False (--no-motion-field) does not start; leave "
            "one of them out",
        )
    if any(values[name] for name in MOTION) and not values["smooth_bg"]:
        raise InputError(
            "E-CAMERA-AND-MOTION",
            "camera and motion (--motion) both move the whole picture: give one of them, or smooth_bg "
            "(--smooth-background) as well, with which the camera moves the background and --motion the subject",
        )
    height, width = size
    camera.parse(values["camera"]).check(frames or 1, width / height if height and width else 1.0)
