"""The ``ppt2v`` command: one command per row of ``modes.MODES``, and those of ``commands``."""
from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from . import __version__
from .commands import dreambooth, media, models, modes
from .commands.rerun import rerun
from .controls import CONTROLS
from .errors import InputError, NumericalError
from .modes import MODES
from .quiet import ignore_library_warnings
from .serve import serve
from .ui.command import ui


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command with these arguments, else with the process's; always ends in SystemExit.

    Exit codes: 0 done; 1 the networks failed (NumericalError) or ``doctor`` found something broken; 2 input that cannot
    be used; 130 interrupted.
    """
    _quiet_libraries()
    app(args=arguments, prog_name="ppt2v")


def _quiet_libraries() -> None:
    """Paddle's packages warn and log at import about what only their own developers can change."""
    logging.disable(logging.INFO)
    warnings.formatwarning = lambda message, *_: f"Warning: {message}\n"
    ignore_library_warnings()


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


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ppt2v {__version__}")
        raise typer.Exit


_VERSION = typer.Option(False, "--version", callback=_print_version, is_eager=True, help="Print the version.")


@app.callback()
def _common(version: bool = _VERSION) -> None:
    pass


def _add_group(name: str, about: str) -> typer.Typer:
    """Adds a command that has commands of its own."""
    group = typer.Typer(help=about, no_args_is_help=True)
    app.add_typer(group, name=name)
    return group


# Here each command is added.

_config = _add_group("config", "Print the defaults of a mode as YAML, for --config.")
for _mode in MODES.values():
    app.command(_mode.name, help=_mode.summary)(modes.mode_command(_mode))
    _config.command(_mode.name, help=_mode.summary)(modes.config_command(_mode))

_dreambooth = _add_group("dreambooth", "Teach a model a subject from a few pictures of it.")
_dreambooth.command("train", help=dreambooth.ABOUT)(dreambooth.train_command())

_control = _add_group("control", "Write the control maps of a clip as a clip, to look at.")
for _kind in CONTROLS.values():
    _control.command(_kind.name, help=_kind.summary)(media.control_command(_kind))

_cache = _add_group("cache", "List or remove the programs that the engines have exported.")
_cache.command("list")(models.cache_list)
_cache.command("clear")(models.cache_clear)

for _command in (media.report, media.compare, models.convert, rerun, models.models, serve, ui, models.doctor):
    app.command()(_command)
