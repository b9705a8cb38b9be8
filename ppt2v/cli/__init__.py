"""The ``ppt2v`` command. Only this folder imports typer."""

from __future__ import annotations


def main() -> None:
    """Runs the command line; the entry point ``ppt2v``."""
    from .app import main as run

    run()
