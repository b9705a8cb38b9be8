"""What leaves the memory, and when: networks between their parts of a run, or blocks between their calls."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ppt2v.errors import InputError

from . import Engine
from .choice import ROWS, Choice

NONE, NETWORKS, BLOCKS = OFFLOADS = ("none", "networks", "blocks")
_YES_OR_NO = {True: NETWORKS, False: NONE}


def offload_named(value: Any) -> Any:
    """The one of ``OFFLOADS`` that is meant by true or false, between which there was a choice at first."""
    return _YES_OR_NO.get(value, value)


def check(offload: str, choice: Choice, device: str) -> None:
    """Refuses blocks that leave a memory in which they would stay all the same.

    Raises:
        InputError: the device is the CPU, or the engine holds networks as a whole.
    """
    if offload != BLOCKS:
        return
    if device == "cpu":
        raise InputError(
            "E-OFFLOAD-CPU",
            "offload={offload}: a CPU computes in the memory where the blocks wait, so none could leave it; take "
            "{networks}, or {none}",
            offload=offload,
            networks=NETWORKS,
            none=NONE,
        )
    if choice.engine != "eager":
        raise InputError(
            "E-OFFLOAD-ENGINE",
            "offload={offload}: {engine} holds a network as a whole; take engine eager, or offload={networks}",
            offload=offload,
            engine=ROWS[choice.engine].title,
            networks=NETWORKS,
        )


def largest_block(networks: Iterable, choice: Choice, device: str) -> int | None:
    """Weights of the largest block of networks; None where blocks cannot leave the memory."""
    if device == "cpu" or choice.engine != "eager":
        return None
    from .blocks import blocks

    return max(block.size for network in networks for block in blocks(network))


def offloading(engine: Engine, offload: str) -> Engine:
    """The engine of a run: the one given, or for blocks one that lets them come and go."""
    if offload != BLOCKS:
        return engine
    from .eager import BlockwiseEngine

    return BlockwiseEngine()
