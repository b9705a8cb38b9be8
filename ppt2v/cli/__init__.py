"""The ``ppt2v`` command. Only this folder imports typer."""

from __future__ import annotations

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line with these arguments, else with the process's; the entry point ``ppt2v``."""
    from .app import main as run

    run(arguments)
