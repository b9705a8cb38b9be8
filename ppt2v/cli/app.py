"""The ``ppt2v`` command: one command per row of ``modes.MODES``, and those of the other files of ``cli``."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer

from ppt2v.controls import CONTROLS
from ppt2v.environment.quiet import quiet_process
from ppt2v.errors import InputError, NumericalError
from ppt2v.language import Message, words
from ppt2v.modes import MODES
from ppt2v.parameters import shown
from ppt2v.version import __version__

from . import dreambooth, media, models, modes
from .batch import batch
from .help import SETTINGS, Command, Group, speak
from .interpolate import interpolate
from .quantize import quantize
from .rerun import rerun_command
from .serve import serve
from .show import show
from .ui import ui
from .upscale import upscale_command
from .usage import UsageError, told


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command with these arguments, else with the process's; always ends in SystemExit.

    Exit codes: 0 done; 1 the networks failed (NumericalError), a package does not import or ``doctor`` found something
    broken; 2 input that cannot be used; 130 interrupted.
    """
    quiet_process()
    speak()
    app(args=arguments, prog_name="ppt2v")


@contextmanager
def _exit_codes() -> Iterator[None]:
    try:
        yield
    except InputError as error:
        _fail(error.message, 2)
    except NumericalError as error:
        _fail(error.message, 1)
    except ImportError as error:
        _fail(Message("E-PACKAGE-BROKEN", "{reason}; `ppt2v doctor` says what mends it", reason=error), 1)
    except OSError as error:
        _fail(_explained(error), 2)
    except UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            raise
        _fail(told(error), 2)
    except KeyboardInterrupt:
        _end(words("Interrupted"), 130)


def _explained(error: OSError) -> Message:
    """What a file or the disk is the reason of, where no module has said it better."""
    if error.errno == errno.ENAMETOOLONG:
        return Message("E-NAME-LONG", "{name}: no file has so long a name", name=shown(error.filename))
    why = error.strerror or str(error) or type(error).__name__
    if error.filename is None:
        return Message("E-SYSTEM", "{reason}", reason=why)
    return Message("E-SYSTEM-FILE", "{file}: {reason}", file=shown(error.filename), reason=why)


def _fail(message: Message, status: int) -> None:
    _end(words("Error: {message} [{code}]", message=message, code=message.code), status)


def _end(message: Message, status: int) -> None:
    typer.echo(" ".join(str(message).split()), err=True)
    raise typer.Exit(status) from None


class _Group(Group):
    """Errors of every command end in one line and an exit code."""

    def make_context(self, *arguments: Any, **settings: Any) -> Any:
        with _exit_codes():
            return super().make_context(*arguments, **settings)

    def invoke(self, ctx: Any) -> Any:
        with _exit_codes():
            return super().invoke(ctx)


app = typer.Typer(
    cls=_Group,
    help="Text to video on PaddlePaddle.",
    no_args_is_help=True,
    context_settings=SETTINGS,
    rich_markup_mode=None,  # whose tables cut names of options on narrow terminals
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
    group = typer.Typer(cls=Group, help=about, no_args_is_help=True, rich_markup_mode=None)
    app.add_typer(group, name=name)
    return group


def _add(group: typer.Typer, name: str, command: Callable[..., None], about: str | None = None) -> None:
    """Adds a command; what it is about, as its docstring says if not given, is shown whole in the list of commands."""
    about = about or command.__doc__
    group.command(name, help=about, short_help=about, cls=Command)(command)


# Here each command is added.

_config = _add_group("config", "Print the defaults of a mode as YAML, for --config.")
for _mode in MODES.values():
    _add(app, _mode.name, modes.mode_command(_mode), _mode.summary)
    _add(_config, _mode.name, modes.config_command(_mode), _mode.summary)

_dreambooth = _add_group("dreambooth", "Teach a model a subject from a few pictures of it.")
_add(_dreambooth, "train", dreambooth.train_command(), dreambooth.ABOUT)

_control = _add_group("control", "Write the control maps of a clip as a clip, to look at.")
for _kind in CONTROLS.values():
    _add(_control, _kind.name, media.control_command(_kind), _kind.summary)

_cache = _add_group("cache", "List or remove the programs that the engines have exported.")
_add(_cache, "list", models.cache_list)
_add(_cache, "clear", models.cache_clear)

_add(app, "rerun", rerun_command(), "Make the same video again, or one that differs as told, from its file.")
_add(app, "upscale", upscale_command(), "Make a video larger by a second pass, which starts from the video.")
for _command in (
    show,
    media.report,
    media.compare,
    interpolate,
    models.convert,
    models.models,
    quantize,
    batch,
    serve,
    ui,
    models.doctor,
):
    _add(app, _command.__name__, _command)
