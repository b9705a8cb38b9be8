"""What the values in a JSON file of a model may be, since one of another kind would be passed over, or do harm."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ppt2v.language import Message, words


class Rule(NamedTuple):
    """A test of a value, and what it asks for: in words, or the only value there is."""

    holds: Callable[[Any], bool]
    said: Message | int


class Broken(NamedTuple):
    """A value that does not hold to its rule, and what the rule asks for."""

    name: str
    value: Any
    rule: Message | int


def _is_share(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 1


TRUTH = Rule(lambda value: isinstance(value, bool), words("true or false"))
TEXT = Rule(lambda value: isinstance(value, str), words("a text"))
SHARE = Rule(_is_share, words("a number above 0 and below 1"))


def whole(first: int, last: int) -> Rule:
    """A whole number within these."""
    valid = range(first, last + 1)
    said = words("a whole number from {first} to {last}", first=first, last=last)
    return Rule(lambda value: isinstance(value, int) and not isinstance(value, bool) and value in valid, said)


def only(number: int) -> Rule:
    """That number."""
    return Rule(lambda value: value == number, number)


def one_of(texts: Sequence[str]) -> Rule:
    """One of these."""
    return Rule(lambda value: value in texts, words("one of {choices}", choices=texts))


def shares(count: int) -> Rule:
    """A list of so many numbers above 0 and below 1."""
    said = words("a list of {count} numbers above 0 and below 1", count=count)
    return Rule(lambda value: isinstance(value, list) and len(value) == count and all(map(_is_share, value)), said)


def broken(said: Mapping[str, Any], rules: Mapping[str, Rule]) -> Broken | None:
    """The first value against its rule, by name, in what a file says; null counts as not said."""
    for name, rule in rules.items():
        value = said.get(name)
        if value is not None and not rule.holds(value):
            return Broken(name, value, rule.said)
    return None
