"""The ``ppt2v`` command: one command per row of ``modes.MODES``, and a few about models, configs and the machine."""
from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, List, Optional, Tuple

import typer
from typer.core import TyperGroup

from . import __version__, config, dreambooth
from .batch import batch
from .controls import CLIP, CONTROLS, Control
from .errors import InputError, NumericalError
from .modes import MODES, Mode
from .parameters import Parameter, resolve
from .progress import quiet_libraries
from .serve import serve
from .ui.command import ui

POSITIONAL = ("video_path", "prompt")


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command with these arguments, else with the process's; always ends in SystemExit.

    Exit codes: 0 done; 1 the networks failed (NumericalError) or ``doctor`` found something broken; 2 input that cannot
    be used; 130 interrupted.
    """
    quiet_libraries()
    app(args=arguments, prog_name="ppt2v")


@contextmanager
def _exit_codes() -> Iterator[None]:
    try:
        yield
    except InputError as error:
        _fail(f"Error: {error}", 2)
    except NumericalError as error:
        _fail(f"Error: {error}", 1)
    except KeyboardInterrupt:
        _fail("Interrupted", 130)


def _fail(message: str, code: int) -> None:
    typer.echo(" ".join(message.split()), err=True)
    raise typer.Exit(code) from None


class _Group(TyperGroup):
    """Errors of every command end in one line and an exit code."""

    def invoke(self, ctx: typer.Context) -> Any:
        with _exit_codes():
            return super().invoke(ctx)


app = typer.Typer(
    cls=_Group,
    help="Text to video on PaddlePaddle.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
config_app = typer.Typer(help="Print the defaults of a mode as YAML, for --config.", no_args_is_help=True)
control_app = typer.Typer(help="Write the control maps of a clip as a clip, to look at.", no_args_is_help=True)
dreambooth_app = typer.Typer(help="Teach a model a subject from a few pictures of it.", no_args_is_help=True)
cache_app = typer.Typer(help="List or remove the programs that the engines have exported.", no_args_is_help=True)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ppt2v {__version__}")
        raise typer.Exit


_VERSION = typer.Option(False, "--version", callback=_print_version, is_eager=True, help="Print the version.")


@app.callback()
def _common(version: bool = _VERSION) -> None:
    pass


# One command per mode

_CONFIG = typer.Option(
    None, "--config", metavar="FILE", help="YAML file with values for these options; see `ppt2v config`."
)
_RESUME = typer.Option(False, "--resume", help="Go on where a killed run stopped; its state is kept in OUT.resume.")
_QUIET = typer.Option(False, "--quiet", help="No progress bars and no notices.")


def _mode_command(mode: Mode) -> Callable[..., None]:
    """The function that typer turns into the command of this mode."""
    options = _options(config.parameters(mode))

    def command(config_file: str | None, resume: bool, quiet: bool, **values: Any) -> None:
        given = _given(options, values)
        merged = {**(config.load(config_file, mode) if config_file else {}), **given}
        if resume:
            merged["checkpoint_dir"] = _checkpoint_dir(given, merged)
        _make_video(mode.name, merged, quiet)

    switches = [("config_file", _CONFIG, Optional[str]), ("resume", _RESUME, bool), ("quiet", _QUIET, bool)]
    _sign(command, [_describe(flag, group) for flag, group in options.items()] + switches)
    return command


def _sign(command: Callable[..., None], described: list[tuple[str, Any, Any]]) -> None:
    """Gives a function the signature that typer reads: names, descriptions and types of its keyword arguments."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    command.__signature__ = inspect.Signature(
        [inspect.Parameter(name, keyword, default=info, annotation=kind) for name, info, kind in described]
    )
    command.__annotations__ = {name: kind for name, _, kind in described}


def _options(parameters: Sequence[Parameter]) -> dict[str, list[Parameter]]:
    """The parameters that each option of the command line sets."""
    options: dict[str, list[Parameter]] = {}
    for parameter in parameters:
        options.setdefault(parameter.flag, []).append(parameter)
    return options


def _describe(flag: str, group: list[Parameter]) -> tuple[str, Any, Any]:
    """Name, description and type of an option as typer takes them; the default is None: not given."""
    first, name = group[0], flag.replace("-", "_")
    about = {"help": _help(group), "show_default": False}
    if first.name in POSITIONAL:
        return name, typer.Argument(None, **about), Optional[str]
    if first.many:
        return name, typer.Option(None, f"--{flag}", **about), Optional[List[first.kind]]
    if first.kind is bool:
        return name, typer.Option(None, f"--{flag}/--no-{flag}", **about), Optional[bool]
    if len(group) == 1:
        return name, typer.Option(None, f"--{flag}", **about), Optional[first.kind]
    metavar = " ".join(parameter.name.rsplit("_", 1)[-1].upper() for parameter in group)
    kinds = tuple(parameter.kind for parameter in group)
    return name, typer.Option(None, f"--{flag}", metavar=metavar, **about), Optional[Tuple[kinds]]


def _help(group: list[Parameter]) -> str:
    """The help of one option, with the real defaults, in rich's markup."""
    defaults = [_default(parameter) for parameter in group if parameter.default not in (None, "", ())]
    shown = [f"[default: {' '.join(defaults)}]"] if defaults else []
    return " ".join([*(parameter.help for parameter in group), *shown]).replace("[", r"\[")


def _default(parameter: Parameter) -> str:
    return ("on" if parameter.default else "off") if parameter.kind is bool else str(parameter.default)


def _given(options: Mapping[str, list[Parameter]], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that the command line gives, by names of parameters."""
    given = {}
    for flag, group in options.items():
        value = values[flag.replace("-", "_")]
        if value is None or value == []:
            continue
        for parameter, single in zip(group, value if len(group) > 1 else [value]):
            given[parameter.name] = replace(parameter, name=f"--{flag}").check(single)
    return given


def _checkpoint_dir(given: Mapping[str, Any], merged: Mapping[str, Any]) -> str:
    if "checkpoint_dir" in given:
        raise InputError("--resume chooses the checkpoint folder itself: give either --resume or --checkpoint-dir")
    if not merged.get("save_path"):
        raise InputError("--resume needs --out: the state of the run is kept beside that file")
    return str(Path(f"{merged['save_path']}.resume").expanduser())


def _make_video(mode: str, values: Mapping[str, Any], quiet: bool) -> None:
    from .model import Model

    names = [parameter.name for parameter in config.MACHINE]
    machine = resolve(config.MACHINE, {name: values.get(name) for name in names}, {})
    parameters = {name: value for name, value in values.items() if name not in names}
    typer.echo(Model(**machine, show_progress=not quiet).run(mode, **parameters))


def _config_command(mode: Mode) -> Callable[[], None]:
    def command() -> None:
        typer.echo(config.dump(mode), nl=False)

    return command


def _add_modes() -> None:
    for mode in MODES.values():
        app.command(mode.name, help=mode.summary)(_mode_command(mode))
        config_app.command(mode.name, help=mode.summary)(_config_command(mode))
    app.add_typer(config_app, name="config")


_add_modes()


# Dreambooth

_GO_ON = typer.Option(False, "--resume", help="Go on where a killed training stopped; its state is kept in OUT.")


def _train_command() -> Callable[..., None]:
    options = _options(dreambooth.PARAMETERS)

    def command(resume: bool, quiet: bool, **values: Any) -> None:
        needed = {"images": "", "instance_prompt": "", "out": ""}
        given = {**needed, **_given(options, values)}
        typer.echo(dreambooth.train(**given, resume=resume, show_progress=not quiet))

    switches = [("resume", _GO_ON, bool), ("quiet", _QUIET, bool)]
    _sign(command, [_describe(flag, group) for flag, group in options.items()] + switches)
    return command


_TRAIN = "Train a model on pictures of one subject (Dreambooth), and write it as a folder for --model."
dreambooth_app.command("train", help=_TRAIN)(_train_command())
app.add_typer(dreambooth_app, name="dreambooth")


# Control maps and reports

_CLIP = typer.Argument(..., metavar="CLIP", help="A video, or a clip of ready maps.")
_OUT = typer.Option(None, "--out", metavar="FILE", help="File to write; named after CLIP, here, if not given.")


def _control_command(control: Control) -> Callable[..., None]:
    options = _options(control.parameters + CLIP)

    def command(clip: str, out: str | None, **values: Any) -> None:
        _write_maps(control, clip, out, _given(options, values))

    arguments = [("clip", _CLIP, str), ("out", _OUT, Optional[str])]
    _sign(command, arguments + [_describe(flag, group) for flag, group in options.items()])
    return command


def _write_maps(control: Control, clip: str, out: str | None, given: Mapping[str, Any]) -> None:
    from . import video
    from .controls import check, control_maps
    from .progress import say

    values = resolve(control.parameters + CLIP, given, {})
    check(control.name, values)
    target = video.output_file(out, None, f"{Path(clip).stem}-{control.name}")
    source = video.read(clip, *(values[parameter.name] for parameter in CLIP))
    maps = control_maps(control.name, source.frames, values)
    if maps.decision:
        say(maps.decision)
    recipe = {"control": control.name, "clip": str(Path(clip).absolute()), "parameters": values}
    typer.echo(video.write(maps.frames, target, source.fps, recipe))


for _control in CONTROLS.values():
    control_app.command(_control.name, help=_control.summary)(_control_command(_control))
app.add_typer(control_app, name="control")


@app.command()
def report(
    file: str = typer.Argument(..., metavar="VIDEO", help="The video to measure."),
    source: Optional[str] = typer.Option(None, metavar="CLIP", help="What it was made from: a clip or its edge map."),
    chunk_size: Optional[int] = typer.Option(
        None, min=2, help="Frames that were computed together; as VIDEO's recipe says if not given."
    ),
    json: Optional[str] = typer.Option(None, metavar="FILE", help="Write the figures as JSON."),
    sheet: Optional[str] = typer.Option(None, metavar="PNG", help="Write some frames as one picture."),
) -> None:
    """Measure a video without weights: flicker, motion, seams, likeness to its source, broken frames."""
    from rich.console import Console

    from .report import measure, table, write_json, write_sheet

    measured = measure(file, source, chunk_size)
    if json:
        write_json(measured, json)
    if sheet:
        write_sheet(file, sheet)
    Console().print(table(measured))


@app.command()
def compare(
    one: str = typer.Argument(..., metavar="A"),
    other: str = typer.Argument(..., metavar="B"),
    source: Optional[str] = typer.Option(None, metavar="CLIP", help="What both were made from."),
    chunk_size: Optional[int] = typer.Option(None, min=2, help="Frames that were computed together."),
) -> None:
    """Measure two videos side by side and mark what is better."""
    from rich.console import Console

    from .report import measure, table

    Console().print(table(*(measure(file, source, chunk_size) for file in (one, other))))


# The other commands


@app.command()
def convert(
    source: str = typer.Argument(..., metavar="SRC", help="Folder of a text-to-video model, in any of the formats."),
    target: str = typer.Argument(..., metavar="DST", help="Folder to write, which does not exist yet."),
    format: str = typer.Option(..., help="modelscope (its own files), diffusers, or paddle."),
    dtype: Optional[str] = typer.Option(
        None, help="Store the weights as float32 or float16; each as it was if not given."
    ),
) -> None:
    """Write a text-to-video model in another format, and compare what was written with what was read."""
    from .conversion import convert as write

    typer.echo(write(source, target, format, dtype))


@app.command()
def rerun(
    file: Path = typer.Argument(..., metavar="FILE", help="A video that ppt2v has written."),
    out: Optional[str] = typer.Option(None, help="File to write; FILE's name with -rerun, here, if not given."),
    device: Optional[str] = typer.Option(None, help="Another device than that of the first run."),
    dtype: Optional[str] = typer.Option(None, help="Another precision than that of the first run."),
    engine: Optional[str] = typer.Option(None, help="Another engine than that of the first run."),
    quiet: bool = _QUIET,
) -> None:
    """Make the same video again, from the recipe in its file."""
    from . import video

    recipe = _recipe(file)
    save_format = "png" if file.is_dir() else file.suffix.lstrip(".") or None
    out = out or str(video.output_file(None, save_format, f"{file.stem}-rerun"))
    given = {"device": device, "dtype": dtype, "engine": engine}
    machine = {name: value or recipe.get(name) for name, value in given.items()}
    _make_video(recipe["mode"], {**recipe["parameters"], **machine, "save_path": out}, quiet)


def _recipe(file: Path) -> dict[str, Any]:
    """The recipe in a file; says so where other versions made it.

    Raises:
        InputError: there is none, or one that this version cannot follow.
    """
    from . import video

    recipe = video.read_recipe(file)
    mode, parameters, versions = MODES.get(str(recipe.get("mode"))), recipe.get("parameters"), recipe.get("versions")
    if not isinstance(parameters, dict) or not isinstance(versions, dict):
        raise InputError(f"{file} holds no recipe of ppt2v: give a video that ppt2v has written")
    known = {parameter.name for parameter in mode.parameters} if mode else set()
    if mode is None or not known.issuperset(parameters):
        strange = f"mode {recipe.get('mode')!r}" if mode is None else ", ".join(sorted(parameters.keys() - known))
        raise InputError(
            f"{file} was made by ppt2v {versions.get('ppt2v')} with what ppt2v {__version__} lacks ({strange}); "
            "update ppt2v to make it again"
        )
    _warn_of_versions(versions)
    return recipe


def _warn_of_versions(made_with: Mapping[str, str]) -> None:
    from .versions import installed

    here = installed()
    others = [f"{name} {version} (here {here.get(name)})" for name, version in made_with.items()
              if _release(version) != _release(here.get(name))]
    if others:
        typer.echo(f"Warning: it was made with {', '.join(others)}: the new video may differ", err=True)


def _release(version: str | None) -> str:
    """The version without the suffix (".post120") by which builds for several CUDA versions differ."""
    return re.sub(r"\.post\d+$", "", str(version))


@app.command()
def models() -> None:
    """List the models: the embedded one, those in the cache, and those that are known to work."""
    from rich.console import Console

    Console().print(_models_table())


def _models_table():
    from rich.markup import escape
    from rich.table import Table

    from . import hub

    on_disk = {name: size for name, _, size in hub.cached()}
    table = Table("Model", "GB in memory\nfloat32 / float16", "GB on disk", show_lines=True)
    table.add_row(f"[bold]{hub.EMBEDDED}[/]\nships with ppt2v: about fifty subjects, 128x128", "", _embedded_gb())
    for known in hub.KNOWN:
        sizes = [on_disk.pop(name, None) for name in dict.fromkeys((known.id, known.paddle_id, f"hf:{known.id}"))]
        memory = f"{known.memory_gb('float32'):.1f} / {known.memory_gb('float16'):.1f}"
        disk = _gb(max(filter(None, sizes), default=None))
        table.add_row(f"[bold]{known.id}[/]\n{escape(known.description)}", memory, disk)
    for name, size in on_disk.items():
        table.add_row(f"[bold]{name}[/]\nin the cache", "", _gb(size))
    return table


def _embedded_gb() -> str:
    from . import hub

    try:
        folder = hub.locate(hub.EMBEDDED)
    except InputError:
        return "missing"
    return _gb(sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()))


def _gb(size: int | None) -> str:
    return "" if size is None else f"{size / 1e9:.2f}"


@cache_app.command("list")
def cache_list() -> None:
    """List the exported programs, the last used first."""
    from rich.console import Console

    Console().print(_cache_table())


def _cache_table():
    from datetime import datetime

    from rich.table import Table

    from .engine.cache import Cache

    cache = Cache()
    table = Table("Program", "Network", "GB", "Last used", caption=f"in {cache.folder}; limit {_gb(cache.limit)} GB")
    for entry in cache.entries():
        used = datetime.fromtimestamp(entry.used).strftime("%Y-%m-%d %H:%M")
        table.add_row(entry.about["program"], entry.about["network"], _gb(entry.size), used)
    return table


@cache_app.command("clear")
def cache_clear() -> None:
    """Remove all exported programs; they are made again when they are needed."""
    from .engine.cache import Cache

    typer.echo(f"{_gb(Cache().clear())} GB freed")


app.add_typer(cache_app, name="cache")
app.command()(serve)
app.command()(batch)
app.command()(ui)


@app.command()
def doctor() -> None:
    """Say what is installed, what is broken, and how to mend it."""
    from .doctor import examine, show

    findings = examine()
    show(findings)
    raise typer.Exit(1 if any(finding.remedy for finding in findings) else 0)
