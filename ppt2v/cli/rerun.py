"""``ppt2v rerun``: the same video again, or one that differs as told, from the recipe in its file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Optional

import typer

from ppt2v.environment.quiet import warning
from ppt2v.errors import InputError, Notice
from ppt2v.language import words
from ppt2v.modes import MODES, Mode
from ppt2v.modes.machine import MACHINE
from ppt2v.parameters import Parameter, holding, resolve
from ppt2v.version import __version__

from .config_file import parameters
from .making import OPTIONS, Manner, make_videos
from .options import OUT, by_flag, describe, given_values, sign

_FILE = typer.Argument(..., metavar="FILE", help="A video that ppt2v has written.")
_OUT = typer.Option(None, *OUT, metavar="FILE", help="File to write; FILE's name with -rerun, here, if not given.")
_TRUST = typer.Option(
    False, "--trust", help="Read the files of this machine that the recipe names, and download the models."
)


def rerun_command() -> Callable[..., None]:
    """The function that typer turns into ``ppt2v rerun``."""
    options = _changeable()

    def command(file: Path, out: str | None, trust: bool, **values: Any) -> None:
        manner = Manner.taken_from(values)
        _rerun(file, trust, manner, {**given_values(options, values), **({"save_path": out} if out else {})})

    own = [("file", _FILE, Path), ("out", _OUT, Optional[str]), ("trust", _TRUST, bool), *OPTIONS]
    sign(command, own + [describe(flag, group) for flag, group in options.items()])
    return command


def _changeable() -> dict[str, list[Parameter]]:
    """The parameters of all modes that can be other than in a recipe, by their options."""
    found: dict[str, Parameter] = {}
    for parameter in (each for mode in MODES.values() for each in parameters(mode)):
        if parameter.holds != "output" and parameter.decides != "values":
            option = parameter.positional.lower() if parameter.positional else parameter.option
            recorded = replace(parameter, default=None, positional=None, option=option)
            found.setdefault(parameter.name, recorded)
    return by_flag(list(found.values()))


def _rerun(file: Path, trust: bool, manner: Manner, changes: Mapping[str, Any]) -> None:
    from ppt2v import video
    from ppt2v.runs.files import named

    held = video.read_recipe(file)
    _refuse_commands(file, held)
    recipe = checked(file, held)
    mode = MODES[recipe["mode"]]
    changes = _of_mode(mode, changes)
    outputs = holding(mode.parameters, "output")
    recorded = {name: value for name, value in recipe["parameters"].items() if name not in {*outputs, *changes}}
    values = resolve(mode.parameters, recorded, {})
    follow(file, named(mode, values), trust)
    _warn_of_files(mode, values, recipe.get("files"))
    machine = {parameter.name: recipe.get(parameter.name) for parameter in MACHINE}
    save_format = None if "save_path" in changes else "png" if file.is_dir() else file.suffix.lstrip(".") or None
    given = {"save_format": save_format, **machine, **recorded, **changes}
    given = {name: value for name, value in given.items() if value is not None}
    make_videos(mode, given, manner, video.shortened(file.stem, ending="-rerun"))


def _of_mode(mode: Mode, changes: Mapping[str, Any]) -> dict[str, Any]:
    """What is to be other, in the kinds of the mode's parameters; InputError for what the mode does not have."""
    own = {parameter.name: parameter for parameter in (*parameters(mode), *mode.parameters)}
    stray = next((name for name in changes if name not in own), None)
    if stray is not None:
        raise InputError(
            "E-RERUN-MODE",
            "{name} is no parameter of {mode}, by which the video was made; leave it out",
            name=stray,
            mode=mode.name,
        )
    return {name: _of_kind(own[name], value) for name, value in changes.items()}


def _of_kind(parameter: Parameter, value: Any) -> Any:
    """A value where modes differ in its kind."""
    return int(value) if parameter.kind is int and isinstance(value, str) and value.isdecimal() else value


def follow(file: Path, named: list[str], trust: bool) -> None:
    """Says what a recipe, which may be a stranger's, will read and download; InputError where it is not trusted."""
    from ppt2v.models.sources import locate

    downloads = {text: locate.missing_from(text) for text in named}
    steps = [
        words("downloads {name} from {server}", name=name, server=server)
        for name, server in downloads.items()
        if server
    ]
    steps += [
        words("reads {name}", name=name) for name, server in downloads.items() if not server and not locate.is_id(name)
    ]
    if not steps:
        return
    if not trust:
        raise InputError(
            "E-RECIPE-TRUST", "the recipe of {file} {steps}: if it may, add --trust", file=file, steps=steps
        )
    typer.echo(words("The recipe {steps}", steps=steps), err=True)


def _refuse_commands(file: Path, recipe: Mapping[str, Any]) -> None:
    """Refuses the file of a command that makes no run: an InputError that tells the command."""
    command = None
    if "interpolate" in recipe:
        command = f"ppt2v interpolate {recipe.get('clip')} --times {recipe['interpolate']}"
        command += f" --model {recipe['model']}" if "model" in recipe else ""
    if "control" in recipe:
        command = f"ppt2v control {recipe['control']} {recipe.get('clip')}"
    if command is not None:
        raise InputError(
            "E-RERUN-COMMAND",
            "{file} was made by another command, `{command}`: repeat that; `ppt2v show` tells all of its recipe",
            file=file,
            command=command,
        )


def checked(file: Path, recipe: Mapping[str, Any]) -> Mapping[str, Any]:
    """The recipe of a run, which a file holds; says so where other versions made it.

    Raises:
        InputError: it is none, or one that this version cannot follow.
    """
    mode, parameters, versions = MODES.get(str(recipe.get("mode"))), recipe.get("parameters"), recipe.get("versions")
    if not isinstance(parameters, dict) or not isinstance(versions, dict):
        raise InputError(
            "E-RECIPE-MISSING",
            "{file} holds no recipe of a run: give a video that a model has made (`ppt2v show` tells what it holds)",
            file=file,
        )
    known = {parameter.name for parameter in mode.parameters} if mode else set()
    if mode is None or not known.issuperset(parameters):
        strange = f"mode {recipe.get('mode')!r}" if mode is None else ", ".join(sorted(parameters.keys() - known))
        raise InputError(
            "E-RECIPE-NEWER",
            "{file} was made by ppt2v {version} with what ppt2v {here} lacks ({strange}); update ppt2v to make it "
            "again",
            file=file,
            version=versions.get("ppt2v"),
            here=__version__,
            strange=strange,
        )
    _warn_of_versions(versions)
    return recipe


def _warn_of_files(mode: Mode, values: Mapping[str, Any], recorded: Any) -> None:
    """Says which clips, models and other files are not those of the first run, as far as the recipe tells."""
    from ppt2v.runs.files import changed

    others = changed(mode, values, recorded) if isinstance(recorded, dict) else []
    if others:
        notice = Notice("N-RERUN-FILES", "other contents than then: {names}; the new video will differ", names=others)
        typer.echo(warning(notice), err=True)


def _warn_of_versions(made_with: Mapping[str, str]) -> None:
    from ppt2v.environment.versions import installed

    here = installed()
    others = [
        words("{name} {version} (here {here})", name=name, version=version, here=here.get(name))
        for name, version in made_with.items()
        if _release(version) != _release(here.get(name))
    ]
    if others:
        notice = Notice("N-RERUN-VERSIONS", "it was made with {versions}: the new video may differ", versions=others)
        typer.echo(warning(notice), err=True)


def _release(version: str | None) -> str:
    """The version without the suffix (".post120") by which builds for several CUDA versions differ."""
    return re.sub(r"\.post\d+$", "", str(version))
