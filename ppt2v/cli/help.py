"""How the help of a command is laid out, its options under the headings of their groups, and its language."""

from __future__ import annotations

import gettext
from typing import Any

from typer.core import TyperCommand, TyperGroup

from ppt2v.errors import InputError
from ppt2v.language import translated
from ppt2v.parameters import GROUPS

from .usage import UsageError, too_many, unknown_command, without_value

_WITHOUT_GROUP = "Options"  # the heading that stands for the main group

_TEXTS = ("TEXT", "PROMPT")  # stand for values of which the tables of parameters say whether they may be empty

# Of all commands: as wide as the terminal, and -h as well as --help.
SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 1000}


def speak() -> None:
    """Lets typer, which asks gettext for the words of a help, have them from ppt2v's tables."""
    gettext.dgettext = lambda domain, english: translated(english)  # type: ignore[assignment]


class _Translated:
    """The help of a command and of its options in the language in force."""

    def __init__(self, *arguments: Any, **settings: Any):
        told = {name: translated(settings.get(name) or "") for name in ("help", "short_help")}
        super().__init__(*arguments, **{**settings, **told})

    def get_params(self, ctx: Any) -> list[Any]:
        parameters = super().get_params(ctx)  # type: ignore[misc]
        for parameter in parameters:
            parameter.help = translated(getattr(parameter, "help", None) or "")
        return parameters

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        pieces = " ".join(self.collect_usage_pieces(ctx))  # type: ignore[attr-defined]
        formatter.write_usage(ctx.command_path, pieces, prefix=translated("Usage: "))


class Group(_Translated, TyperGroup):
    """A command that has commands of its own."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            raise InputError.of(unknown_command(args[0], self.list_commands(ctx), ctx.command_path))
        return super().resolve_command(ctx, args)


class Command(_Translated, TyperCommand):
    """A command whose help has a heading for each group of options."""

    allow_extra_args = True  # so that they can be refused in ppt2v's words

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        try:
            extra = super().parse_args(ctx, args)
        except UsageError as error:
            error.ctx = ctx  # which typer leaves out where a value is missing
            raise
        if extra:
            raise InputError.of(too_many(extra, ctx.command_path))
        for parameter in self.params:
            if ctx.params.get(parameter.name) == "" and parameter.metavar not in _TEXTS:
                raise InputError.of(without_value(parameter, ctx.command_path))
        return extra

    def format_options(self, ctx: Any, formatter: Any) -> None:
        sections: dict[str, list[tuple[str, str]]] = {
            "Arguments": [],
            _WITHOUT_GROUP: [],
            **{name: [] for name in GROUPS},
        }
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                name, about = record
                sections[_heading(parameter)].append((name.split(" <")[0], about))  # without the type's Python name
        for heading, records in sections.items():
            if records:
                with formatter.section(translated(heading)):
                    formatter.write_dl(records)


def _heading(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return "Arguments"
    return getattr(parameter, "rich_help_panel", None) or _WITHOUT_GROUP


def panel(group: str) -> str | None:
    """What typer is told of an option's group."""
    return None if group == GROUPS[0] else group
