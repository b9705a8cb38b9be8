"""From parameters to options of the command line, and back to the values that were given."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, List, Optional, Tuple

import typer

from ppt2v.modes.shared import MACHINE
from ppt2v.parameters import Parameter

DEVICE, DTYPE, ENGINE = (typer.Option(parameter.default, help=parameter.help) for parameter in MACHINE)
QUIET = typer.Option(False, "--quiet", help="No progress bars and no notices.")


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
    if first.many:
        return name, typer.Option(None, f"--{flag}", **about), Optional[List[first.kind]]  # type: ignore[name-defined]
    if first.kind is bool:
        return name, typer.Option(None, f"--{flag}/--no-{flag}", **about), Optional[bool]
    if len(group) == 1:
        return name, typer.Option(None, f"--{flag}", **about), Optional[first.kind]
    metavar = " ".join(parameter.name.rsplit("_", 1)[-1].upper() for parameter in group)
    kinds = tuple(parameter.kind for parameter in group)
    return name, typer.Option(None, f"--{flag}", metavar=metavar, **about), Optional[Tuple[kinds]]


def _help(group: list[Parameter]) -> str:
    """The help of one option, with the real defaults."""
    defaults = [_default(parameter) for parameter in group if parameter.default not in (None, "", ())]
    shown = [f"[default: {' '.join(defaults)}]"] if defaults else []
    return " ".join([*(parameter.help for parameter in group), *shown])


def _default(parameter: Parameter) -> str:
    return ("on" if parameter.default else "off") if parameter.kind is bool else str(parameter.default)


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
