"""The commands about models, what the engines keep of them, and this machine."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import typer

from ppt2v.errors import InputError
from ppt2v.language import translated, words

from .options import JSON

if TYPE_CHECKING:
    from ppt2v.cache import Cache


def convert(
    source: str = typer.Argument(
        ..., metavar="SRC", help="Folder or id of a text-to-video model, in any of the formats, or embedded/video."
    ),
    target: str = typer.Argument(..., metavar="DST", help="Folder to write, which does not exist yet."),
    format: str = typer.Option(
        ..., metavar="modelscope|diffusers|paddle", help="The format to write; modelscope is that of its own files."
    ),
    dtype: Optional[str] = typer.Option(
        None, metavar="float32|float16", help="Store the weights as float32 or float16; each as it was if not given."
    ),
) -> None:
    """Write a text-to-video model in another format, and compare what was written with what was read."""
    from ppt2v.environment.threads import import_paddle
    from ppt2v.models.sources import locate

    folder = locate.locate(source)
    import_paddle()
    from ppt2v.models.conversion import convert as write

    typer.echo(write(folder, target, format, dtype))


def models(as_json: bool = JSON) -> None:
    """List the models: those that ship with ppt2v, those in the cache, and those that are known to work."""
    listed = _listed()
    if as_json:
        typer.echo(json.dumps(listed, indent=1))
    else:
        _print(_models_table(listed))


def _print(table: Any) -> None:
    from rich.console import Console

    Console().print(table)


def _listed() -> list[dict[str, Any]]:
    """The models: names, what they are, GB of memory that they take by precision, bytes on disk; None: not known."""
    from ppt2v.models.sources import catalogue, locate

    on_disk = {name: size for name, _, size in locate.cached()}
    listed = [_embedded()]
    for known in catalogue.KNOWN:
        sizes = [on_disk.pop(name, None) for name in dict.fromkeys((known.id, known.paddle_id, f"hf:{known.id}"))]
        memory = {precision: known.memory_gb(precision) for precision in ("float32", "float16")}
        listed.append(_model([known.id], str(known.description), max(filter(None, sizes), default=None), memory))
    return listed + [_model([name], "in the cache", size) for name, size in on_disk.items()]


def _embedded() -> dict[str, Any]:
    from ppt2v.models.sources import catalogue, locate

    try:
        folders = locate.embedded()
    except InputError:
        return _model([catalogue.EMBEDDED], "missing", None)
    about = "ship with ppt2v: about fifty subjects, 128x128"
    return _model(list(folders), about, locate.size(folders[catalogue.EMBEDDED]))


def _model(names: list[str], about: str, size: int | None, memory: dict[str, float] | None = None) -> dict[str, Any]:
    return {"names": names, "about": about, "memory_gb": memory, "bytes": size}


def _models_table(listed: list[dict[str, Any]]) -> Any:
    from rich.markup import escape
    from rich.table import Table

    heads = "Model", "GB in memory\nfloat32 / float16", "GB on disk"
    table = Table(*map(translated, heads), show_lines=True)
    for model in listed:
        names = "\n".join(f"[bold]{name}[/]" for name in model["names"])
        memory = " / ".join(f"{gigabytes:.1f}" for gigabytes in (model["memory_gb"] or {}).values())
        table.add_row(f"{names}\n{escape(translated(model['about']))}", memory, _gb(model["bytes"]))
    return table


def _gb(size: float | None) -> str:
    return "" if size is None else f"{size / 1e9:.2f}"


def cache_list(as_json: bool = JSON) -> None:
    """List the exported programs, the last used first."""
    from ppt2v.cache import Cache

    cache = Cache()
    programs = _programs(cache)
    if as_json:
        about = {"folder": str(cache.folder), "limit": cache.limit, "programs": programs}
        typer.echo(json.dumps(about, indent=1))
    else:
        _print(_cache_table(cache, programs))


def _programs(cache: Cache) -> list[dict[str, Any]]:
    names = _names_of_models()
    return [
        {
            "program": entry.about["program"],
            "network": entry.about["network"],
            "model": names.get(entry.model, Path(entry.model).name),
            "size": _size(entry.about),
            "precision": entry.about["precision"],
            "bytes": entry.size,
            "last_used": datetime.fromtimestamp(entry.used).astimezone().isoformat(timespec="seconds"),
        }
        for entry in cache.entries()
    ]


def _cache_table(cache: Cache, programs: list[dict[str, Any]]) -> Any:
    from rich.table import Table

    together = _gb(sum(program["bytes"] for program in programs))
    limit = _gb(cache.limit)
    caption = words("{together} GB of at most {limit} in {folder}", together=together, limit=limit, folder=cache.folder)
    heads = "Program", "Model", "Size", "Precision", "MB", "Last used"
    table = Table(*map(translated, heads), caption=str(caption))
    for each in programs:
        megabytes, used = f"{each['bytes'] / 1e6:.1f}", each["last_used"][:16].replace("T", " ")
        program = f"{each['program']}, {each['network']}"
        table.add_row(program, each["model"], each["size"], each["precision"], megabytes, used)
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

    typer.echo(words("{size} GB freed", size=_gb(Cache().clear())))


def doctor(as_json: bool = JSON) -> None:
    """Say what is installed, what is broken, and how to mend it."""
    from .doctor import examine, show

    findings = examine()
    if as_json:
        typer.echo(json.dumps([finding._asdict() for finding in findings], indent=1))
    else:
        show(findings)
    raise typer.Exit(1 if any(finding.remedy for finding in findings) else 0)
