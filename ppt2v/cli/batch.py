"""``ppt2v batch``: many videos from one file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Optional

import typer

from ppt2v.batch.outcomes import FAILED, SHEET, made, standing, table
from ppt2v.batch.runners import RUNNERS
from ppt2v.errors import InputError
from ppt2v.language import either
from ppt2v.modes import shared
from ppt2v.parameters import resolve

from .options import DEVICE, DTYPE, ENGINE, OUT, QUIET


def batch(
    file: Path = typer.Argument(
        ...,
        metavar="FILE",
        help="Rows in YAML, JSON lines or CSV (.yaml, .jsonl, .csv, .tsv): a "
        "prompt, and any other parameter of the row's mode (text2video if not given).",
    ),
    folder: Path = typer.Option("videos", *OUT, metavar="FOLDER", help="Where the videos go."),
    workers: int = typer.Option(1, min=1, help="Videos made at once; each worker holds a model of its own."),
    runner: str = typer.Option(
        "local",
        help="local: processes of this machine; ray: the actors of a Ray cluster, whose address is in RAY_ADDRESS.",
    ),
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

    if runner not in RUNNERS:
        raise InputError(
            "E-RUNNER-UNKNOWN", "unknown runner {runner!r}: choose {runners}", runner=runner, runners=either(RUNNERS)
        )
    machine = resolve(shared.MACHINE, {"device": device, "dtype": dtype, "engine": engine}, {})
    rows = read(file, Path(os.path.expanduser(folder)).absolute())
    folder = make_folder(folder)
    outcomes = {row.target: outcome for row in rows for outcome in [standing(row)] if outcome}
    to_do = [row for row in rows if row.target not in outcomes]
    for outcome in made(to_do, runner, workers, machine, not quiet):
        outcomes[outcome.row.target] = outcome
    in_order = [outcomes[row.target] for row in rows]
    Console().print(table(in_order))
    typer.echo(page.write(in_order, folder / SHEET))
    raise typer.Exit(1 if any(outcome.state == FAILED for outcome in in_order) else 0)
