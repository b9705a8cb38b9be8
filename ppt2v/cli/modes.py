"""The command of each mode, and the one that prints its defaults."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Optional

import typer

from ppt2v.errors import InputError
from ppt2v.modes import Mode

from .config_file import dump, load, parameters
from .making import OPTIONS, Manner, make_videos
from .options import by_flag, describe, given_values, sign

_CONFIG = typer.Option(
    None, "--config", metavar="FILE", help="YAML file with values for these options; see `ppt2v config`."
)
_RESUME = typer.Option(False, "--resume", help="Go on where a killed run stopped; its state is kept in OUT.resume.")


def mode_command(mode: Mode) -> Callable[..., None]:
    """The function that typer turns into the command of this mode."""
    options = by_flag(parameters(mode))

    def command(config_file: str | None, resume: bool, **values: Any) -> None:
        manner = Manner.taken_from(values)
        given = given_values(options, values)
        merged = {**(load(config_file, mode) if config_file else {}), **given}
        if resume:
            merged["checkpoint_dir"] = _checkpoint_dir(given, merged)
        make_videos(mode, merged, manner)

    switches = [("config_file", _CONFIG, Optional[str]), ("resume", _RESUME, bool), *OPTIONS]
    sign(command, [describe(flag, group) for flag, group in options.items()] + switches)
    return command


def _checkpoint_dir(given: Mapping[str, Any], merged: Mapping[str, Any]) -> str:
    if "checkpoint_dir" in given:
        raise InputError(
            "E-RESUME-TWICE", "--resume chooses the checkpoint folder itself: give either --resume or --checkpoint-dir"
        )
    if not merged.get("save_path"):
        raise InputError("E-RESUME-OUT", "--resume needs --out: the state of the run is kept beside that file")
    return os.path.expanduser(f"{merged['save_path']}.resume")


def config_command(mode: Mode) -> Callable[[], None]:
    """The function that prints the defaults of this mode."""

    def command() -> None:
        typer.echo(dump(mode), nl=False)

    return command
