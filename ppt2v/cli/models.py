"""The commands about models, what the engines keep of them, and this machine."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any, Optional

import typer

from ppt2v.errors import InputError


def convert(
    source: str = typer.Argument(..., metavar="SRC", help="Folder of a text-to-video model, in any of the formats."),
    target: str = typer.Argument(..., metavar="DST", help="Folder to write, which does not exist yet."),
    format: str = typer.Option(..., help="modelscope (its own files), diffusers, or paddle."),
    dtype: Optional[str] = typer.Option(
        None, help="Store the weights as float32 or float16; each as it was if not given."
    ),
) -> None:
    """Write a text-to-video model in another format, and compare what was written with what was read."""
    from ppt2v.models.conversion import convert as write

    typer.echo(write(source, target, format, dtype))


def models() -> None:
    """List the models: those that ship with ppt2v, those in the cache, and those that are known to work."""
    from rich.console import Console

    Console().print(_models_table())


def _models_table():
    from rich.markup import escape
    from rich.table import Table

    from ppt2v.models.sources import catalogue, locate

    on_disk = {name: size for name, _, size in locate.cached()}
    table = Table("Model", "GB in memory\nfloat32 / float16", "GB on disk", show_lines=True)
    table.add_row(*_embedded_row())
    for known in catalogue.KNOWN:
        sizes = [on_disk.pop(name, None) for name in dict.fromkeys((known.id, known.paddle_id, f"hf:{known.id}"))]
        memory = f"{known.memory_gb('float32'):.1f} / {known.memory_gb('float16'):.1f}"
        disk = _gb(max(filter(None, sizes), default=None))
        table.add_row(f"[bold]{known.id}[/]\n{escape(known.description)}", memory, disk)
    for name, size in on_disk.items():
        table.add_row(f"[bold]{name}[/]\nin the cache", "", _gb(size))
    return table


def _embedded_row() -> tuple[str, str, str]:
    from ppt2v.models.sources import catalogue, locate

    try:
        folders = locate.embedded()
    except InputError:
        return f"[bold]{catalogue.EMBEDDED}[/]", "", "missing"
    names = "\n".join(f"[bold]{name}[/]" for name in folders)
    return f"{names}\nship with ppt2v: about fifty subjects, 128x128", "", _gb(locate.size(folders[catalogue.EMBEDDED]))


def _gb(size: int | None) -> str:
    return "" if size is None else f"{size / 1e9:.2f}"


def cache_list() -> None:
    """List the exported programs, the last used first."""
    from rich.console import Console

    Console().print(_cache_table())


def _cache_table():
    from datetime import datetime

    from rich.table import Table

    from ppt2v.cache import Cache

    cache, names = Cache(), _names_of_models()
    entries = cache.entries()
    together = _gb(sum(entry.size for entry in entries))
    caption = f"{together} GB of at most {_gb(cache.limit)} in {cache.folder}"
    table = Table("Program", "Model", "Size", "Precision", "MB", "Last used", caption=caption)
    for entry in entries:
        used = datetime.fromtimestamp(entry.used).strftime("%Y-%m-%d %H:%M")
        program = f"{entry.about['program']}, {entry.about['network']}"
        model = names.get(entry.model, Path(entry.model).name)
        megabytes = f"{entry.size / 1e6:.1f}"
        table.add_row(program, model, _size(entry.about), entry.about["precision"], megabytes, used)
    return table


def _names_of_models() -> dict[str, str]:
    """Names as ``--model`` takes them, by folder, of the models that ship and those in the usual caches."""
    from ppt2v.models.sources import locate

    names = {str(folder): name for name, folder, _ in locate.cached()}
    with suppress(InputError):
        names |= {str(folder): name for name, folder in locate.embedded().items()}
    return names


def _size(about: dict[str, Any]) -> str:
    """Width and height of what a program takes; "" where it takes any."""
    name, shape, _ = about.get("inputs", [["", [], ""]])[0]
    return f"{shape[-1]}x{shape[-2]} {name}" if len(shape) >= 4 else ""


def cache_clear() -> None:
    """Remove all exported programs; they are made again when they are needed."""
    from ppt2v.cache import Cache

    typer.echo(f"{_gb(Cache().clear())} GB freed")


def doctor() -> None:
    """Say what is installed, what is broken, and how to mend it."""
    from .doctor import examine, show

    findings = examine()
    show(findings)
    raise typer.Exit(1 if any(finding.remedy for finding in findings) else 0)
