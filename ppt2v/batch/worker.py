"""A worker of a batch, what it is given and what it gives."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

from ppt2v.errors import InputError, NumericalError
from ppt2v.language import Message


class Task(NamedTuple):
    """A video to make: its number, mode and parameters, ``save_path`` among them."""

    number: int
    mode: str
    given: dict[str, Any]


class Result(NamedTuple):
    """The outcome of the task of that number: its error, or None where its video is there."""

    number: int
    error: Message | None


class Worker:
    """Does one task after the other, with one ``Model``.

    Args:
        machine: the arguments of ``Model``.
        show_progress: as for ``Model``.
    """

    def __init__(self, machine: Mapping[str, Any], show_progress: bool = False):
        self._arguments = {**machine, "show_progress": show_progress}

    @functools.cached_property
    def _model(self):
        from ppt2v.model import Model

        return Model(**self._arguments)

    def make(self, task: Task) -> Result:
        """Does a task; whatever goes wrong, the next one has its turn."""
        try:
            self._model.run(task.mode, **task.given)
        except Exception as error:
            return Result(task.number, said_of(error))
        return Result(task.number, None)


def said_of(error: Exception) -> Message:
    """What an error tells the person."""
    if isinstance(error, (InputError, NumericalError)):
        return error.message
    return Message("E-UNEXPECTED", "{kind}: {reason}", kind=type(error).__name__, reason=error)
