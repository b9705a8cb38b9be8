"""How the help of a command is laid out: its options under the headings of their groups."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

from ppt2v.parameters import GROUPS

_WITHOUT_GROUP = "Options"  # the heading that stands for the main group

# Of all commands: as wide as the terminal, and -h as well as --help.
SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 1000}


class Command(TyperCommand):
    """A command whose help has a heading for each group of options."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        sections: dict[str, list[tuple[str, str]]] = {
            "Arguments": [],
            _WITHOUT_GROUP: [],
            **{name: [] for name in GROUPS},
        }
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                sections[_heading(parameter)].append(record)
        for heading, records in sections.items():
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)


def _heading(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return "Arguments"
    return getattr(parameter, "rich_help_panel", None) or _WITHOUT_GROUP


def panel(group: str) -> str | None:
    """What typer is told of an option's group."""
    return None if group == GROUPS[0] else group
