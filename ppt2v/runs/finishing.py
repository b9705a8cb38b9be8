"""What is done to decoded frames before they are written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ppt2v import video
from ppt2v.environment.threads import import_paddle

if TYPE_CHECKING:
    import numpy as np

    from ppt2v.pipelines.methods.interpolation import Between

    Way = Callable[[np.ndarray, np.ndarray], Between]


def way_between(values: Mapping[str, Any]) -> Way | None:
    """What finds the way from a frame to the next, where a network is to do it.

    Args:
        values: of all parameters of the mode.

    Raises:
        InputError: there is no such network.
    """
    if values.get("interpolate_model") is None:
        return None
    import_paddle()
    from ppt2v.detectors.rife import Rife

    return Rife(values["interpolate_model"]).between


def finished(
    frames: Iterable[np.ndarray], values: Mapping[str, Any], clip: np.ndarray | None, between: Way | None
) -> Iterable[np.ndarray]:
    """The frames of the file, uint8 RGB ``[H, W, 3]`` each, made as they are asked for.

    Args:
        frames: as they are decoded.
        values: of all parameters of the mode.
        clip: what the video was made from, uint8 RGB ``[F, H, W, 3]``, if there is a clip.
        between: as ``way_between`` gives it.
    """
    frames = steady(frames, values, clip)
    if values.get("interpolate", 1) > 1:
        from ppt2v.pipelines.methods.interpolation import interpolated

        frames = interpolated(frames, values.get("interpolate", 1), between)
    if values.get("watermark"):
        frames = video.watermark(frames, values["watermark"])
    return frames


def steady(frames: Iterable[np.ndarray], values: Mapping[str, Any], clip: np.ndarray | None) -> Iterable[np.ndarray]:
    """The frames held together along the motion of the clip, where that is asked for; as for ``finished``."""
    if clip is None or not values.get("steady"):
        return frames
    from ppt2v.controls.recognition import are_skeletons
    from ppt2v.pipelines.methods.steadiness import steadied

    return steadied(frames, clip, values["steady"], are_skeletons(list(clip)))
