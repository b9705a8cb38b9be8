"""A message: kept as its parts, put together in the language that is in force when it is read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from .choice import current


@dataclass(frozen=True, init=False)
class Message:
    """What a person is told. ``str`` gives it in the language in force.

    Args:
        code: does not change, so that it can be searched: "E-CLIP-MISSING". None for words within other messages.
        template: the English, with names in braces as ``str.format`` takes them.
        values: what stands in the braces. Numbers, texts and messages are kept; of an error that has a message, this
            message; lists and dictionaries of such, which are told with commas; of all else its ``str``. So a message
            can be kept and sent.
    """

    code: str | None
    template: str
    values: dict[str, Any]

    def __init__(self, code: str | None, template: str, /, **values: Any):
        vars(self).update(code=code, template=template, values={name: _kept(each) for name, each in values.items()})

    def __str__(self) -> str:
        return _template(self).format(**{name: _told(value) for name, value in self.values.items()})

    def changed(self, change: Callable[[str], str]) -> Message:
        """The message with each text among its values changed."""
        values = {name: _changed(value, change) for name, value in self.values.items()}
        return Message(self.code, self.template, **values)

    def as_json(self) -> dict[str, Any]:
        """What ``json`` can write, for ``of_json``."""
        values = {name: _as_json(each) for name, each in self.values.items()}
        return {"code": self.code, "template": self.template, "values": values}

    @classmethod
    def of_json(cls, read: dict[str, Any]) -> Message:
        """The message that ``as_json`` has taken apart."""
        values = {name: _of_json(each) for name, each in read["values"].items()}
        return cls(read["code"], read["template"], **values)


def words(template: str, /, **values: Any) -> Message:
    """Words that are no message of their own, but stand in one, or in a line of a table or a picture."""
    return Message(None, template, **values)


def either(names: Iterable[str]) -> str | Message:
    """The names with an "or" between them."""
    return _chained("{one} or {other}", names)


def both(names: Iterable[str]) -> str | Message:
    """The names with an "and" between them."""
    return _chained("{one} and {other}", names)


def _chained(template: str, names: Iterable[str]) -> str | Message:
    first, *others = names
    told: str | Message = first
    for other in others:
        told = words(template, one=told, other=other)
    return told


def translated(english: str) -> str:
    """A help text, a label or the name of a stage, in the language in force; English where it has none for it."""
    return _table().get(english, english)


def _template(message: Message) -> str:
    table = _table()
    return table.get(message.template) or table.get(message.code or "") or message.template


def _table() -> dict[str, str]:
    if current() == "en":
        return {}
    from .chinese import TABLE

    return TABLE


def _kept(value: Any) -> Any:
    value = getattr(value, "message", value) if isinstance(value, Exception) else value
    if value is None or isinstance(value, (str, bool, Message)):
        return value
    if isinstance(value, Real):  # also NumPy's, which other processes may lack
        return int(value) if isinstance(value, Integral) else float(value)
    if isinstance(value, dict):
        return {_kept(name): _kept(each) for name, each in value.items()}
    if isinstance(value, Collection) and not isinstance(value, bytes):
        return list(map(_kept, value))
    return str(value)


def _told(value: Any) -> Any:
    if isinstance(value, Message):
        return str(value)
    return _Listed(value) if isinstance(value, (list, dict)) else value


@dataclass(frozen=True)
class _Listed:
    """Names with commas between them; with ``!r`` the list or the dictionary itself."""

    names: list | dict

    def __format__(self, spec: str) -> str:
        return ("、" if current() == "zh" else ", ").join(map(str, self.names))

    def __repr__(self) -> str:
        return repr(self.names)


def _changed(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, Message):
        return value.changed(change)
    if isinstance(value, list):
        return [_changed(each, change) for each in value]
    return change(value) if isinstance(value, str) else value


def _as_json(value: Any) -> Any:
    if isinstance(value, Message):
        return value.as_json()
    return list(map(_as_json, value)) if isinstance(value, list) else value


def _of_json(value: Any) -> Any:
    if isinstance(value, dict) and value.keys() == {"code", "template", "values"}:
        return Message.of_json(value)
    return list(map(_of_json, value)) if isinstance(value, list) else value
