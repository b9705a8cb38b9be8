"""``ppt2v batch``: many videos from one file, or of many clips."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, List, Optional

import typer

from ppt2v.batch.outcomes import FAILED, SHEET, made, standing, table
from ppt2v.errors import InputError
from ppt2v.modes.machine import MACHINE
from ppt2v.parameters import resolve

from .config_file import load
from .options import DEVICE, DTYPE, ENGINE, OUT, QUIET, RUNNER, check_runner

if TYPE_CHECKING:
    from ppt2v.batch.rows import Row


def batch(
    files: List[str] = typer.Argument(
        ...,
        metavar="FILE",
        help="A file of rows in YAML, JSON lines or CSV (.yaml, .jsonl, .csv, .tsv): a prompt, and any other parameter "
        "of the row's mode (text2video if not given). With --mode: clips, or patterns such as 'clips/*.mp4'.",
    ),
    mode: Optional[str] = typer.Option(
        None, metavar="MODE", help="Do this with each of the clips, such as canny or pix2pix."
    ),
    prompt: Optional[str] = typer.Option(None, metavar="TEXT", help="The prompt for the clips."),
    config: Optional[str] = typer.Option(
        None, metavar="FILE", help="YAML file with other settings for the clips; see `ppt2v config`."
    ),
    folder: Path = typer.Option("videos", *OUT, metavar="FOLDER", help="Where the videos go."),
    workers: int = typer.Option(
        1, min=1, metavar="N", help="Videos made at once; each worker holds a model of its own."
    ),
    runner: str = RUNNER,
    device: Optional[str] = DEVICE,
    dtype: Optional[str] = DTYPE,
    engine: Optional[str] = ENGINE,
    quiet: bool = QUIET,
) -> None:
    """Make many videos, each named by its prompt and seed; those that are there already are left as they are."""
    from rich.console import Console

    from ppt2v.batch import page
    from ppt2v.batch.rows import read
    from ppt2v.video import make_folder

    check_runner(runner)
    machine = resolve(MACHINE, {"device": device, "dtype": dtype, "engine": engine}, {})
    target = Path(os.path.expanduser(folder)).absolute()
    if mode is None:
        rows = read(_one_file(files, prompt, config), target)
    else:
        rows = _rows_of_clips(files, mode, prompt, config, target)
    folder = make_folder(folder)
    outcomes = {row.target: outcome for row in rows for outcome in [standing(row)] if outcome}
    to_do = [row for row in rows if row.target not in outcomes]
    for outcome in made(to_do, runner, workers, machine, not quiet):
        outcomes[outcome.row.target] = outcome
    in_order = [outcomes[row.target] for row in rows]
    Console().print(table(in_order))
    typer.echo(page.write(in_order, folder / SHEET))
    raise typer.Exit(1 if any(outcome.state == FAILED for outcome in in_order) else 0)


def _one_file(files: list[str], prompt: str | None, config: str | None) -> str:
    """The file of rows."""
    if len(files) > 1 or prompt is not None or config is not None:
        raise InputError(
            "E-BATCH-MODE", "several files, --prompt and --config are for clips: say with --mode what to do with them"
        )
    return files[0]


def _rows_of_clips(files: list[str], mode: str, prompt: str | None, config: str | None, target: Path) -> list[Row]:
    from ppt2v.batch import clips
    from ppt2v.request import request

    row = request.mode(mode)
    setting = load(config, row) if config else {}
    machine = [parameter.name for parameter in MACHINE if parameter.name in setting]
    if machine:
        raise InputError("E-BATCH-MACHINE", "{config}: {names}: give it as an option", config=config, names=machine)
    return clips.rows(clips.expanded(files), row, setting if prompt is None else {**setting, "prompt": prompt}, target)
