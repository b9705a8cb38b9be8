"""What the table of parameters cannot say of the values of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ppt2v.errors import InputError
from ppt2v.language import words
from ppt2v.models.sources import locate, network
from ppt2v.modes import Mode
from ppt2v.pipelines.planning.timesteps import (
    check_eta,
    check_guided_part,
    check_motion_levels,
    check_spacing,
    check_steps,
)
from ppt2v.video.overlay import check_mark

from . import prompts
from .anchors import check_anchors
from .finishing import check_finishing


def check(mode: Mode, values: Mapping[str, Any]) -> None:
    """What the table of parameters cannot say of single values, as far as the mode has them.

    Raises:
        InputError: an empty prompt, an impossible pair, a watermark that cannot be drawn.
    """
    if not (values["prompt"] or "").strip():
        order = words("; the clip comes first, then the prompt") if mode.takes_clip else ""
        raise InputError(
            "E-PROMPT-EMPTY", "the prompt is empty: say in a few words what the video should show{order}", order=order
        )
    module, model = values.get("motion_module"), values["model_name"]
    # A folder of another mode is looked at later: it may be a copy of the embedded model.
    if module and locate.is_embedded(module) and not locate.is_embedded(model) and (mode.moves or locate.is_id(model)):
        raise InputError(
            "E-MOTION-MODULE-MISSING",
            "{model} needs a motion module that was made for it, and the one that ships was made for the embedded "
            "model: give motion_module=... (--motion-module) as a folder, file or id, such as {example}",
            model=model,
            example=network.MOTION_EXAMPLE,
        )
    prompts.check(values)
    if values.get("free_init", 1) > 1 and values["init_video"]:
        raise InputError(
            "E-FREE-INIT-CLIP",
            "free_init={free_init} starts again from the noise, and init_video from a clip: leave out one of them",
            free_init=values["free_init"],
        )
    if values.get("use_motion_field"):
        check_motion_levels(values["t0"], values["t1"])
        if values["num_inference_steps"] < 2:
            raise InputError(
                "E-MOTION-STEPS-ONE",
                "num_inference_steps=1: the motion field needs at least 2 steps; or turn it off "
                "(use_motion_field=False, --no-motion-field)",
            )
    if mode.has("control_guidance_start"):
        part = values["control_guidance_start"], values["control_guidance_end"]
        check_guided_part(values["num_inference_steps"], *part)
    if values.get("smooth_bg") and not values["use_motion_field"]:
        raise InputError(
            "E-SMOOTH-WITHOUT-MOTION",
            "smooth_bg=True moves the background along the motion field; leave use_motion_field on",
        )
    check_anchors(values)
    check_finishing(values)
    if "eta" in values:
        check_eta(values["eta"], values["solver"])
        check_steps(values["num_inference_steps"], values["solver"])
        check_spacing(values["timestep_spacing"], values["solver"])
    if values.get("watermark"):
        check_mark(values["watermark"])
