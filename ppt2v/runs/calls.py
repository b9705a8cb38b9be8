"""How a pipeline is called: its class, and what it is told."""

from __future__ import annotations

import importlib
from typing import Any

from ppt2v.request.request import Request

from .inputs import Inputs


def pipeline_class(name: str) -> type:
    """The pipeline "module:class" of ``ppt2v.pipelines``."""
    module, attribute = name.split(":")
    return getattr(importlib.import_module(f"ppt2v.pipelines.{module}"), attribute)


def arguments(request: Request, made: Inputs) -> dict[str, Any]:
    """What the pipeline is told, but for noise, checkpoint and progress."""
    values = request.values
    told = {
        each.argument: values[each.name] for each in request.mode.parameters if each.argument and not each.takes_frames
    }
    told |= made.arguments
    if values.get("a_prompt"):
        told["prompt"] = f"{values['prompt']}, {values['a_prompt']}"
    texts = {name: told[name] for name in ("prompt", "negative_prompt", "prompt_at") if told.get(name)}
    return {**told, **{name: request.adapters.expand(text) for name, text in texts.items()}}
