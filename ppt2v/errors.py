"""The errors that a person may meet; each message says what was given, the rule, and what to do."""

from __future__ import annotations

from typing import Any, TypeVar

from ppt2v.language import Message

_Error = TypeVar("_Error", bound="_Told")


class _Told(Exception):
    """An error with a message.

    Args:
        code, template, values: as for ``Message``. ``str`` gives the message in the language in force.
    """

    message: Message

    def __init__(self, code: str | None, template: str, /, **values: Any):
        super().__init__(code)
        self.message = Message(code, template, **values)

    @classmethod
    def of(cls: type[_Error], message: Message) -> _Error:
        """The error with this message."""
        error = cls.__new__(cls, message.code)
        error.message = message
        return error

    @property
    def code(self) -> str | None:
        """What the message can be searched by, such as "E-CLIP-MISSING"."""
        return self.message.code

    def __str__(self) -> str:
        return str(self.message)

    def __reduce__(self) -> tuple[Any, ...]:
        return self.of, (self.message,)


class InputError(_Told, ValueError):
    """An argument, a file or a model that cannot be used; nothing was computed and nothing was written."""


class NumericalError(_Told, ArithmeticError):
    """A network produced NaN or infinite numbers, also in float32; no video was written."""


class Notice(_Told, UserWarning):
    """Something that a person should know; the work goes on. Given to ``warnings.warn``."""


class Cancelled(Exception):
    """Who watched a run wanted no more of it; no video was written."""


class UnsupportedError(_Told, RuntimeError):
    """An engine cannot run a network; the eager engine can."""


class QueueFull(_Told):
    """Too many jobs wait; one more can be taken when the first of them is done."""


class DiskFull(_Told):
    """The disk lacks the room for another video or clip."""

    def __init__(self) -> None:
        super().__init__("E-DISK-FULL", "the disk of this service is full: its operator has to make room")
