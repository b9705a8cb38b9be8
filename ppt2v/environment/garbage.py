"""How often Python looks for garbage: through all that an import of Paddle makes, it took a fifth of a short run."""

from __future__ import annotations

import gc

_USUAL = gc.get_threshold()
_MADE = 50_000  # objects between one look and the next; usually some 700, which an import of Paddle makes 700 times


def look_seldom() -> None:
    """Lets it look less often, in a process of ppt2v's own."""
    gc.set_threshold(_MADE)


def look_as_usual() -> None:
    """Lets it look as often as other programs do, in a process that goes on for days."""
    gc.set_threshold(*_USUAL)


def look_no_more() -> None:
    """Keeps it from looking through all that there is when the process ends, which is at hand."""
    gc.freeze()
