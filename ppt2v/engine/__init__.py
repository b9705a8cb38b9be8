"""How networks are executed: eagerly by Paddle, or as compiled programs by OpenVINO or Paddle Inference.

An engine turns a ``program.Program`` into a runner; a runner is called as the program would be.
"""

from __future__ import annotations

from typing import Any, Protocol


class Runner(Protocol):
    """A program that is ready to run."""

    @property
    def half(self) -> bool:
        """Whether it computes in half precision."""

    def __call__(self, inputs: list) -> list:
        """The program's outputs: tensors of the engine's own kind, which it takes as inputs as well."""

    def use_float32(self) -> None:
        """Goes on in float32 until ``restore``."""

    def restore(self) -> None:
        """Back to the engine's own precision."""


class Samples(Protocol):
    """Runs with what ships, for an engine that has to see how networks are called.

    ``about``: of plain types, all that decides what they are beside the networks. ``watched``: the numbers of those to
    look at; ``judged``: of those to judge what was made of it by.
    """

    about: dict[str, Any]
    watched: tuple[int, ...]
    judged: tuple[int, ...]

    def run(self, engine: Engine, number: int) -> None:
        """Makes the latents of one of them."""


class Engine(Protocol):
    """Executes programs.

    ``samples``: of the work at hand, for those that look at them.
    """

    samples: Samples | None

    def prepare(self, program) -> Runner:
        """A runner for the program; with a cache of exported programs this is quick from the second time on."""

    def release(self, program) -> None:
        """Frees what the program takes of the memory; to run it again it must be prepared again."""
