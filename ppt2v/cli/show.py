"""``ppt2v show``: the recipe in a video's file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import typer

from .options import JSON


def show(
    file: Path = typer.Argument(..., metavar="FILE", help="A video that ppt2v has written, or its folder of pictures."),
    as_json: bool = JSON,
) -> None:
    """Print the recipe in a video's file: the mode, the prompt, the seed and all else that made it."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from ppt2v import video

    recipe = video.read_recipe(file)
    if as_json:
        typer.echo(json.dumps(recipe, indent=1))
        return
    table = Table.grid(padding=(0, 2))
    for name, value in _lines(recipe):
        table.add_row(Text(_plain(name)), Text(_plain(value)))
    Console().print(table)


def _lines(recipe: Mapping[str, Any], indent: str = "") -> Iterator[tuple[str, str]]:
    """Names and values; those that say nothing are left out."""
    for name, value in recipe.items():
        if isinstance(value, Mapping):
            yield f"{indent}{name}", ""
            yield from _lines(value, f"{indent}  ")
        elif value not in (None, "", []):
            yield f"{indent}{name}", value if isinstance(value, str) else json.dumps(value)


def _plain(text: str) -> str:
    """A stranger's text without what a terminal would obey."""
    return text if text.isprintable() else json.dumps(text)
