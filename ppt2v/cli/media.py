"""The commands about clips and videos: control maps, and how good a video is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import typer

from ppt2v.controls import CLIP, Control
from ppt2v.parameters import resolve

from .options import OUT, by_flag, describe, given_values, sign

if TYPE_CHECKING:
    from ppt2v.quality.report import Report

_CLIP = typer.Argument(..., metavar="CLIP", help="A video, or a clip of ready maps.")
_OUT = typer.Option(None, *OUT, metavar="FILE", help="File to write; named after CLIP, here, if not given.")


def control_command(control: Control) -> Callable[..., None]:
    """The function that typer turns into the command of this kind of control maps."""
    options = by_flag(control.parameters + CLIP)

    def command(clip: str, out: str | None, **values: Any) -> None:
        _write_maps(control, clip, out, given_values(options, values))

    arguments = [("clip", _CLIP, str), ("out", _OUT, Optional[str])]
    sign(command, arguments + [describe(flag, group) for flag, group in options.items()])
    return command


def _write_maps(control: Control, clip: str, out: str | None, given: Mapping[str, Any]) -> None:
    from ppt2v import video
    from ppt2v.controls import check, control_maps
    from ppt2v.progress import say

    values = resolve(control.parameters + CLIP, given, {})
    check(control.name, values)
    target = video.output_file(out, None, f"{Path(clip).stem}-{control.name}", [clip])
    start_t, end_t, out_fps, resolution = (values[parameter.name] for parameter in CLIP)
    part = video.part(clip, start_t, end_t, out_fps)
    for note in part.notes:
        say(note)
    source = part.read(resolution)
    maps = control_maps(control.name, source.frames, values)
    if maps.decision:
        say(maps.decision)
    recipe = {"control": control.name, "clip": str(Path(clip).absolute()), "parameters": values}
    typer.echo(video.write(maps.frames, target, source.fps, recipe))


_JSON = typer.Option(None, "--json", metavar="FILE", help="Write the figures as JSON; - prints them instead.")


def report(
    file: str = typer.Argument(..., metavar="VIDEO", help="The video to measure, or its folder of pictures."),
    source: Optional[str] = typer.Option(None, metavar="CLIP", help="What it was made from: a clip or its edge map."),
    chunk_size: Optional[int] = typer.Option(
        None, min=2, metavar="N", help="Frames that were computed together; as VIDEO's recipe says if not given."
    ),
    json: Optional[str] = _JSON,
    sheet: Optional[str] = typer.Option(None, metavar="PNG", help="Write some frames as one picture."),
) -> None:
    """Measure a video without weights: flicker, motion, seams, likeness to its source, broken frames."""
    from ppt2v.quality.report import measure, write_sheet

    measured = measure(file, source, chunk_size)
    if sheet:
        write_sheet(file, sheet)
    _give([measured], json)


def compare(
    one: str = typer.Argument(..., metavar="A", help="A video, or its folder of pictures."),
    other: str = typer.Argument(..., metavar="B", help="Another."),
    source: Optional[str] = typer.Option(None, metavar="CLIP", help="What both were made from."),
    chunk_size: Optional[int] = typer.Option(None, min=2, metavar="N", help="Frames that were computed together."),
    json: Optional[str] = _JSON,
) -> None:
    """Measure two videos side by side and mark what is better."""
    from ppt2v.quality.report import measure

    _give([measure(file, source, chunk_size) for file in (one, other)], json)


def _give(reports: list[Report], json: str | None) -> None:
    """Prints reports, as a table or as JSON, or also writes them."""
    from rich.console import Console

    from ppt2v.quality.report import table, to_json, write_json

    if json == "-":
        typer.echo(to_json(*reports))
        return
    if json:
        write_json(json, *reports)
    Console().print(table(*reports))
