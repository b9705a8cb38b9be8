"""``ppt2v dreambooth``: teaches a model a subject."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer

from ppt2v import dreambooth

from .options import QUIET, by_flag, describe, given_values, sign

ABOUT = "Train a model on pictures of one subject (Dreambooth), and write it as a folder for --model."
_GO_ON = typer.Option(False, "--resume", help="Go on where a killed training stopped; its state is kept in OUT.")


def train_command() -> Callable[..., None]:
    """The function that typer turns into ``ppt2v dreambooth train``."""
    options = by_flag(dreambooth.PARAMETERS)

    def command(resume: bool, quiet: bool, **values: Any) -> None:
        needed: dict[str, Any] = dict.fromkeys(("images", "instance_prompt", "out"))
        given = {**needed, **given_values(options, values)}
        typer.echo(dreambooth.train(**given, resume=resume, show_progress=not quiet))

    switches = [("resume", _GO_ON, bool), ("quiet", QUIET, bool)]
    sign(command, [describe(flag, group) for flag, group in options.items()] + switches)
    return command
