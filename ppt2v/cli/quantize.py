"""``ppt2v quantize``: what ``--dtype int8`` does at the first use of a model, beforehand."""

from __future__ import annotations

from typing import Any, List, Optional

import typer

from ppt2v.modes import MODES
from ppt2v.modes.inputs import ADAPTERS, MODEL

from .options import QUIET

_MODE = typer.Option("text2video", "--mode", metavar="|".join(MODES), help="What the model is to be used for.")
_LORA = typer.Option(None, "--lora", metavar="PATH", help=ADAPTERS[0].help)
_CONTROLNET = typer.Option(
    None, "--controlnet", metavar="ID", help="ControlNet, for the modes with one; the usual one if not given."
)


def quantize(
    model: str = typer.Argument(..., metavar="MODEL", help=MODEL.help),
    mode: str = _MODE,
    lora: Optional[List[str]] = _LORA,
    controlnet: Optional[str] = _CONTROLNET,
    quiet: bool = QUIET,
) -> None:
    """Prepare a model for --dtype int8 by some short runs, which its first use does else."""
    from ppt2v.model import Model

    given: dict[str, Any] = {"lora": lora or None, "controlnet": controlnet}
    named = {name: value for name, value in given.items() if value is not None}
    for line in Model("cpu", "int8", show_progress=not quiet).quantize(mode, model_name=model, **named):
        typer.echo(line)
