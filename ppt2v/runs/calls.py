"""How a pipeline is called: its class, and what it is told."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ppt2v.engine import Engine, offload
from ppt2v.pipelines.planning import keyframes, travel
from ppt2v.pipelines.planning.windows import WINDOW
from ppt2v.request.request import Request

from .inputs import Inputs

if TYPE_CHECKING:
    from ppt2v.pipelines.denoising.noise import Noise, RepeatedNoise

_TEXTS = "prompt", "negative_prompt", "prompt_2", "negative_prompt_2", "prompt_at"


def pipeline_class(name: str) -> type:
    """The pipeline "module:class" of ``ppt2v.pipelines``."""
    module, attribute = name.split(":")
    return getattr(importlib.import_module(f"ppt2v.pipelines.{module}"), attribute)


def equip(pipeline: Any, engine: Engine, values: Mapping[str, Any]) -> None:
    """Gives a pipeline the engine of a run, and lets leave the memory what the values of its parameters say."""
    leaving = values.get("offload", offload.NONE)
    pipeline.engine, pipeline.offload = offload.offloading(engine, leaving), leaving != offload.NONE


def noise_of(values: Mapping[str, Any]) -> Noise | RepeatedNoise:
    """All randomness of a run, of the values of its parameters."""
    from ppt2v.pipelines.denoising.noise import Noise, RepeatedNoise

    drawn = Noise(values["seed"], values.get("content_seed"))
    return RepeatedNoise(drawn, WINDOW, WINDOW // 2) if values.get("free_noise") else drawn


def arguments(request: Request, made: Inputs) -> dict[str, Any]:
    """What the pipeline is told, but for noise, checkpoint and progress."""
    values = request.values
    told = {
        each.argument: values[each.name] for each in request.mode.parameters if each.argument and not each.takes_frames
    }
    told |= made.arguments
    if values.get("a_prompt"):
        asked = (name for name in ("prompt", "prompt_2") if told.get(name))
        told |= {name: f"{told[name]}, {values['a_prompt']}" for name in asked}
        if told.get(travel.NAME):
            told[travel.NAME] = keyframes.with_each(told[travel.NAME], values["a_prompt"])
    texts = {name: told[name] for name in _TEXTS if told.get(name)}
    return {**told, **{name: request.adapters.expand(text) for name, text in texts.items()}}
