"""``ppt2v rerun``: the same video again, from the recipe in its file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Optional

import typer

from ppt2v.errors import InputError
from ppt2v.modes import MODES, Mode
from ppt2v.parameters import holding, resolve
from ppt2v.version import __version__

from .modes import make_video
from .options import OUT, QUIET


def rerun(
    file: Path = typer.Argument(..., metavar="FILE", help="A video that ppt2v has written."),
    out: Optional[str] = typer.Option(
        None, *OUT, metavar="FILE", help="File to write; FILE's name with -rerun, here, if not given."
    ),
    device: Optional[str] = typer.Option(None, help="Another device than that of the first run."),
    dtype: Optional[str] = typer.Option(None, help="Another precision than that of the first run."),
    engine: Optional[str] = typer.Option(None, help="Another engine than that of the first run."),
    trust: bool = typer.Option(
        False, "--trust", help="Read the files of this machine that the recipe names, and download the models."
    ),
    quiet: bool = QUIET,
) -> None:
    """Make the same video again, from the recipe in its file."""
    from ppt2v import video
    from ppt2v.runs.files import named

    recipe = _recipe(file)
    mode = MODES[recipe["mode"]]
    recorded = {
        name: value for name, value in recipe["parameters"].items() if name not in holding(mode.parameters, "output")
    }
    values = resolve(mode.parameters, recorded, {})
    _follow(file, named(mode, values), trust)
    _warn_of_files(mode, values, recipe.get("files"))
    save_format = "png" if file.is_dir() else file.suffix.lstrip(".") or None
    out = out or str(video.output_file(None, save_format, video.shortened(file.stem, ending="-rerun")))
    given = {"device": device, "dtype": dtype, "engine": engine}
    machine = {name: value or recipe.get(name) for name, value in given.items()}
    make_video(mode.name, {**recorded, **machine, "save_path": out}, quiet)


def _follow(file: Path, named: list[str], trust: bool) -> None:
    """Says what a recipe, which may be a stranger's, will read and download; InputError where it is not trusted."""
    from ppt2v.models.sources import locate

    downloads = {text: locate.missing_from(text) for text in named}
    steps = [f"downloads {text} from {server}" for text, server in downloads.items() if server]
    steps += [f"reads {text}" for text, server in downloads.items() if not server and not locate.is_id(text)]
    if not steps:
        return
    if not trust:
        raise InputError(
            "E-RECIPE-TRUST", "the recipe of {file} {steps}: if it may, add --trust", file=file, steps=steps
        )
    typer.echo(f"The recipe {', '.join(steps)}", err=True)


def _recipe(file: Path) -> dict[str, Any]:
    """The recipe in a file; says so where other versions made it.

    Raises:
        InputError: there is none, or one that this version cannot follow.
    """
    from ppt2v import video

    recipe = video.read_recipe(file)
    mode, parameters, versions = MODES.get(str(recipe.get("mode"))), recipe.get("parameters"), recipe.get("versions")
    if not isinstance(parameters, dict) or not isinstance(versions, dict):
        raise InputError(
            "E-RECIPE-MISSING", "{file} holds no recipe of ppt2v: give a video that ppt2v has written", file=file
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
        typer.echo(f"Warning: other contents than then: {', '.join(others)}; the new video will differ", err=True)


def _warn_of_versions(made_with: Mapping[str, str]) -> None:
    from ppt2v.environment.versions import installed

    here = installed()
    others = [
        f"{name} {version} (here {here.get(name)})"
        for name, version in made_with.items()
        if _release(version) != _release(here.get(name))
    ]
    if others:
        typer.echo(f"Warning: it was made with {', '.join(others)}: the new video may differ", err=True)


def _release(version: str | None) -> str:
    """The version without the suffix (".post120") by which builds for several CUDA versions differ."""
    return re.sub(r"\.post\d+$", "", str(version))
