"""What can be said of directed motion and of prompts that change before anything is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ppt2v.errors import InputError
from ppt2v.language import Message
from ppt2v.pipelines.planning import camera, keyframes, travel
from ppt2v.video import check_still

from .drift import MOTION


def with_prompt(given: dict[str, Any]) -> dict[str, Any]:
    """The same with the first of the prompts that follow each other as the prompt, where that is not given."""
    if isinstance(given.get(travel.NAME), str) and given.get("prompt") is None:
        return {**given, "prompt": travel.parse(None, given[travel.NAME]).texts[0]}
    return given


def check(values: Mapping[str, Any], frames: int | None, size: tuple[int | None, int | None]) -> None:
    """Refuses a camera's way, or prompts, that do not fit the video or other values.

    Args:
        values: of the run's parameters.
        frames: their number.
        size: height and width in pixels; None: not known yet, taken for a square.

    Raises:
        InputError: as ``camera.parse``, ``camera.Camera.check`` and ``travel.parse``, prompts beyond the end, or
            something else that moves the same; a first frame of another shape.
    """
    if values.get("init_image") is not None:
        _check_still(values)
        check_still(values["init_image"], *size)
    if values.get("loop"):
        _check_loop(values)
    if values.get(travel.NAME) is not None:
        _check_prompts(values, frames or 1)
    if values.get(camera.NAME) is not None:
        _check_camera(values, frames or 1, size)


def advice(values: Mapping[str, Any]) -> list[Message]:
    """Says so where prompts change for one of two text encoders alone."""
    if not values.get("prompt_2") or not values.get(travel.NAME):
        return []
    return [
        Message(
            "N-PROMPT-2-STAYS",
            "prompt_2 stays the same in all frames, and prompt_at changes what the first text encoder reads alone; "
            "leave out prompt_2 where both are to change",
        )
    ]


def _check_still(values: Mapping[str, Any]) -> None:
    if values.get("init_video"):
        raise InputError(
            "E-STILL-CLIP",
            "init_image={image} is a first frame, and init_video={clip} is a clip to start from; leave out one of them",
            image=values["init_image"],
            clip=values["init_video"],
        )
    if values.get("free_init", 1) > 1:
        raise InputError(
            "E-STILL-FREE-INIT",
            "free_init={free_init} starts again from the noise, and init_image={image} from a picture: leave out one "
            "of them",
            free_init=values["free_init"],
            image=values["init_image"],
        )


def _check_prompts(values: Mapping[str, Any], frames: int) -> None:
    keyframes.check_end(travel.NAME, travel.parse(values["prompt"], values[travel.NAME]).frames, frames)
    if values.get("a_prompt"):
        keyframes.check_within("a_prompt", values["a_prompt"])
    if values.get("pag_scale"):
        raise InputError(
            "E-PAG-PROMPTS",
            "pag_scale={scale:g} goes with one prompt, and prompt_at (--prompt-at) gives several; leave out one of "
            "them",
            scale=values["pag_scale"],
        )


def _check_loop(values: Mapping[str, Any]) -> None:
    if not values["use_motion_field"]:
        raise InputError(
            "E-LOOP-WITHOUT-FIELD",
            "loop leads the frames round from the first one, from which use_motion_field=False (--no-motion-field) "
            "does not start; leave one of them out",
        )
    if values.get(camera.NAME) and camera.parse(values[camera.NAME]).back:
        raise InputError(
            "E-LOOP-BACK",
            "camera: there-and-back and loop (--loop) both lead back to the first frame; leave out one of them",
        )


def _check_camera(values: Mapping[str, Any], frames: int, size: tuple[int | None, int | None]) -> None:
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
    aspect = width / height if height and width else 1.0
    camera.parse(values["camera"]).check(frames, aspect, values.get("loop", False))
