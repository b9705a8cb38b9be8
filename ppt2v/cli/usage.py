"""What is wrong with how a command was called: typer's own errors, in ppt2v's words and with its codes.

typer writes them in English alone: they do not pass through gettext as the words of a help do.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

import typer

from ppt2v.language import Message, either, words
from ppt2v.parameters import shown

UsageError: Any = typer.BadParameter.__mro__[1]  # typer has no public name for it

_NUMBERS = {"int_parsing": words("a whole number"), "float_parsing": words("a number")}
_BOUNDS = {"greater_than_equal": (">=", "ge"), "less_than_equal": ("<=", "le")}


def told(error: Any) -> Message:
    """The message for an error of typer's that ends a command before it begins."""
    help_ = f"`{error.ctx.command_path} -h`" if error.ctx is not None else "`ppt2v -h`"
    parameter = getattr(error, "param", None)
    if type(error).__name__ == "MissingParameter" and parameter is not None:
        return Message("E-ARGUMENT-MISSING", "{name} is missing: see {help}", name=_name(parameter), help=help_)
    if isinstance(error, typer.BadParameter) and parameter is not None:
        return _wrong_value(error, parameter)
    if type(error).__name__ == "NoSuchOption":
        return _unknown_option(error, help_)
    if type(error).__name__ == "BadOptionUsage":
        return _wrong_option(error, help_)
    return Message("E-USAGE", "{reason}: see {help}", reason=error.format_message().rstrip("."), help=help_)


def unknown_command(given: str, commands: list[str], path: str) -> Message:
    """The message for a command that does not exist."""
    close = get_close_matches(given, commands)
    return Message(
        "E-COMMAND-UNKNOWN",
        "{path} has no command {given}: choose {commands}",
        path=path,
        given=shown(given),
        commands=either(close or commands),
    )


def too_many(arguments: list[str], path: str) -> Message:
    """The message for more arguments than a command takes."""
    return Message(
        "E-ARGUMENTS-MANY",
        "{path} takes fewer arguments; it does not know what {given} means: a text of several words stands in quotes",
        path=path,
        given=shown(" ".join(arguments)),
    )


def without_value(parameter: Any, path: str) -> Message:
    """The message for an option or argument that is given as an empty text."""
    return _without_value(_name(parameter), f"`{path} -h`")


def _without_value(name: str, help_: str) -> Message:
    return Message("E-OPTION-EMPTY", "{name} needs a value: see {help}", name=name, help=help_)


def _name(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return parameter.make_metavar(None).strip("[]{}") if parameter.metavar is None else parameter.metavar
    return max(parameter.opts, key=len)


def _unknown_option(error: Any, help_: str) -> Message:
    known = [name for each in error.ctx.command.params for name in each.opts] if error.ctx is not None else []
    close = list(error.possibilities or get_close_matches(error.option_name, known))
    if close:
        return Message(
            "E-OPTION-UNKNOWN",
            "unknown option {given}: choose {options}, or see {help}",
            given=shown(error.option_name),
            options=either(sorted(close)),
            help=help_,
        )
    return Message(
        "E-OPTION-UNKNOWN-HELP", "unknown option {given}: see {help}", given=shown(error.option_name), help=help_
    )


def _wrong_option(error: Any, help_: str) -> Message:
    if "not take" in error.message:
        return Message("E-OPTION-SWITCH", "{name} takes no value: see {help}", name=error.option_name, help=help_)
    return _without_value(error.option_name, help_)


def _wrong_value(error: Any, parameter: Any) -> Message:
    # Of pydantic, by which typer reads values.
    faults: list[dict[str, Any]] = getattr(error.__cause__, "errors", list)()
    if faults and (valid := _valid(faults[0])):
        return Message(
            "E-PARAMETER-VALUE",
            "{name}={value}: the rule is {rule}",
            name=_name(parameter),
            value=shown(str(faults[0]["input"])),
            rule=valid,
        )
    return Message("E-OPTION-VALUE", "{name}: {reason}", name=_name(parameter), reason=error.message)


def _valid(fault: dict[str, Any]) -> Message | None:
    if fault["type"] in _BOUNDS:
        sign, name = _BOUNDS[fault["type"]]
        return words("a number {sign} {bound}", sign=sign, bound=fault["ctx"][name])
    return _NUMBERS.get(fault["type"])
