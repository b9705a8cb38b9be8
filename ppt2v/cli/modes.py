"""The command of each mode, and the one that prints its defaults."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Optional

import typer

from ppt2v.errors import InputError
from ppt2v.modes import Mode, shared
from ppt2v.parameters import resolve

from .config_file import dump, load, parameters
from .options import QUIET, by_flag, describe, given_values, sign

_CONFIG = typer.Option(
    None, "--config", metavar="FILE", help="YAML file with values for these options; see `ppt2v config`."
)
_RESUME = typer.Option(False, "--resume", help="Go on where a killed run stopped; its state is kept in OUT.resume.")


def mode_command(mode: Mode) -> Callable[..., None]:
    """The function that typer turns into the command of this mode."""
    options = by_flag(parameters(mode))

    def command(config_file: str | None, resume: bool, quiet: bool, **values: Any) -> None:
        given = given_values(options, values)
        merged = {**(load(config_file, mode) if config_file else {}), **given}
        if resume:
            merged["checkpoint_dir"] = _checkpoint_dir(given, merged)
        make_video(mode.name, merged, quiet)

    switches = [("config_file", _CONFIG, Optional[str]), ("resume", _RESUME, bool), ("quiet", QUIET, bool)]
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


def make_video(mode: str, values: Mapping[str, Any], quiet: bool) -> None:
    """Makes a video with these values, some of which are the machine's, and prints its path."""
    from ppt2v.model import Model

    names = [parameter.name for parameter in shared.MACHINE]
    machine = resolve(shared.MACHINE, {name: values.get(name) for name in names}, {})
    parameters = {name: value for name, value in values.items() if name not in names}
    typer.echo(Model(**machine, show_progress=not quiet).run(mode, **parameters))


def config_command(mode: Mode) -> Callable[[], None]:
    """The function that prints the defaults of this mode."""

    def command() -> None:
        typer.echo(dump(mode), nl=False)

    return command
