"""The ``ppt2v`` command. Only this folder imports typer."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ppt2v.environment import garbage


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line with these arguments, else with the process's; the entry point ``ppt2v``."""
    garbage.look_seldom()
    try:
        from .app import main as run

        run(arguments)
    except KeyboardInterrupt:  # before there is a command that says so
        print("Interrupted", file=sys.stderr)
        raise SystemExit(130) from None
    finally:
        garbage.look_no_more()
