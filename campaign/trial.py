"""What a campaign is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple


class Trial(NamedTuple):
    """Something to try: ``run`` raises AssertionError, with what is wrong, where the product fell short."""

    name: str
    run: Callable[[], None]


class Group(NamedTuple):
    """Trials of one kind.

    Args:
        about: what must be true.
        number: of trials.
        limit: seconds that one of them may take.
        trials: gives that many, from a generator of random numbers, their number and an empty folder. It draws numbers
            only before it yields, so that the same seed gives the same trials wherever they begin.
    """

    name: str
    about: str
    number: int
    limit: float
    trials: Callable[[Random, int, Path], Iterator[Trial]]


def expect(holds: object, otherwise: str) -> None:
    """Raises AssertionError, also where Python leaves out ``assert``."""
    if not holds:
        raise AssertionError(otherwise)
