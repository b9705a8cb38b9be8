"""Where workers are, by the name that a person gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .actors import Actors
from .cluster import joined
from .pool import Place, Pool
from .processes import Processes

RUNNERS = ("local", "ray")


@contextmanager
def place_of(
    runner: str,
    number: int,
    make: Callable[..., Any],
    arguments: tuple = (),
    device: str | None = None,
    graphics: int = 0,
) -> Iterator[Place]:
    """Where workers can be started, for a block.

    Args:
        runner: one of ``RUNNERS``.
        number: of the workers at once.
        make: makes what answers their calls; a class or function of a module.
        arguments: for ``make``.
        device: that they compute on.
        graphics: GPUs of this machine that its processes share out among themselves; 0: each sees all.

    Raises:
        InputError: Ray is not installed, or no cluster can be joined that has room for them.
    """
    if runner == "local":
        yield Processes(make, arguments, graphics)
    else:
        with joined(number) as ray:
            yield Actors(ray, make, arguments, device, number)


@contextmanager
def opened(
    runner: str,
    number: int,
    make: Callable[..., Any],
    arguments: tuple = (),
    device: str | None = None,
    graphics: int = 0,
) -> Iterator[Pool]:
    """Workers, for a block; all as for ``place_of``."""
    with place_of(runner, number, make, arguments, device, graphics) as place, Pool(place, number) as pool:
        yield pool
