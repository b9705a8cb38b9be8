"""From parameters to options of the command line, and back to the values that were given."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, List, Optional, Tuple

import typer

from ppt2v.language import translated, words
from ppt2v.models.families.presets import MAY_DECIDE, MAY_DECIDE_OF_TRAINING
from ppt2v.modes.machine import MACHINE
from ppt2v.parameters import Parameter
from ppt2v.workers.runners import RUNNERS

from .help import panel

_VALUE = {str: "TEXT", int: "N", float: "NUMBER"}  # what stands for a value of such a kind
_MOST_SHOWN = 6  # of the choices of an option, in place of its value
_SHORT = {"out": "-o"}


def sign(command: Callable[..., None], described: list[tuple[str, Any, Any]]) -> None:
    """Gives a function the signature that typer reads: names, descriptions and types of its keyword arguments."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [inspect.Parameter(name, keyword, default=info, annotation=kind) for name, info, kind in described]
    vars(command)["__signature__"] = inspect.Signature(parameters)
    command.__annotations__ = {name: kind for name, _, kind in described}


def by_flag(parameters: Sequence[Parameter]) -> dict[str, list[Parameter]]:
    """The parameters that each option of the command line sets."""
    options: dict[str, list[Parameter]] = {}
    for parameter in parameters:
        options.setdefault(parameter.flag, []).append(parameter)
    return options


def describe(flag: str, group: list[Parameter]) -> tuple[str, Any, Any]:
    """Name, description and type of an option as typer takes them; the default is None: not given."""
    first, name = group[0], flag.replace("-", "_")
    about: dict[str, Any] = {"help": _help(group), "show_default": False}
    if first.positional:
        return name, typer.Argument(None, metavar=first.positional, **about), Optional[str]
    about["rich_help_panel"] = panel(first.group)
    if first.kind is bool:
        return name, typer.Option(None, f"--{flag}/--no-{flag}", **about), Optional[bool]
    names = [f"--{flag}", *([_SHORT[flag]] if flag in _SHORT else [])]
    option = typer.Option(None, *names, metavar=_metavar(group), autocompletion=_completion(first), **about)
    kind = _kind(group)
    return name, option, Optional[kind]


def _kind(group: list[Parameter]) -> Any:
    """The type of an option's value."""
    kinds = tuple(parameter.kind for parameter in group)
    kind = kinds[0]
    if group[0].many:
        return List[kind]  # type: ignore[valid-type]
    return kind if len(kinds) == 1 else Tuple[kinds]


def _metavar(group: list[Parameter]) -> str:
    """What stands for the value in the help."""
    if len(group) > 1:
        return " ".join(parameter.name.rsplit("_", 1)[-1].upper() for parameter in group)
    choices = group[0].choices
    return "|".join(choices) if 0 < len(choices) <= _MOST_SHOWN else _VALUE[group[0].kind]


def _completion(parameter: Parameter) -> Callable[[str], list[str]] | None:
    """What a shell offers for the beginning of a value; None: files."""
    if not parameter.choices:
        return None
    return lambda incomplete: [choice for choice in parameter.choices if choice.startswith(incomplete)]


def _help(group: list[Parameter]) -> str:
    """The help of one option, with the default that is used where nothing is given."""
    defaults = [_shown(parameter) for parameter in group if parameter.default not in (None, "", ())]
    default = words("[default: {origin}{default}]", origin=_origin(group[0]), default=" ".join(defaults))
    notes = [str(default)] if defaults else []
    if group[0].many:
        notes.append(translated("[repeatable]"))
    return " ".join([*(translated(parameter.help) for parameter in group), *notes])


def _origin(parameter: Parameter) -> str:
    return translated("the model's own, else ") if parameter.name in (*MAY_DECIDE, *MAY_DECIDE_OF_TRAINING) else ""


def _shown(parameter: Parameter) -> str:
    if parameter.kind is bool:
        return translated("on" if parameter.default else "off")
    return f"{parameter.default:g}" if parameter.kind is float else str(parameter.default)


def given_values(options: Mapping[str, list[Parameter]], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that the command line gives, by names of parameters."""
    given = {}
    for flag, group in options.items():
        value = values[flag.replace("-", "_")]
        if value is None or value == []:
            continue
        for parameter, single in zip(group, value if len(group) > 1 else [value]):
            given[parameter.name] = replace(parameter, name=f"--{flag}").check(single)
    return given


DEVICE, DTYPE, ENGINE = (describe(parameter.flag, [parameter])[1] for parameter in MACHINE[:3])
_RUNNER = next(replace(parameter, name="--runner") for parameter in MACHINE if parameter.name == "runner")
OUT = ("--out", "-o")
JSON = typer.Option(False, "--json", help="Print JSON.")
QUIET = typer.Option(False, "--quiet", "-q", help="No progress bars and no notices.")
RUNNER = typer.Option(
    "local",
    metavar="|".join(RUNNERS),
    help="local: processes of this machine; ray: the actors of a Ray cluster, whose address is in RAY_ADDRESS.",
)


def check_runner(runner: str) -> None:
    """Raises InputError for what is no runner."""
    _RUNNER.check(runner)
