"""The values of a scheduler_config.json, held to their rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ppt2v.errors import InputError
from ppt2v.models.layouts.rules import Rule, broken
from ppt2v.parameters import shown


def check(said: Mapping[str, Any], rules: Mapping[str, Rule], source: str) -> None:
    """Holds what a file says to the rules, by name; null counts as not said.

    Args:
        source: the file's name, for the error.

    Raises:
        InputError: a value against its rule.
    """
    wrong = broken(said, rules)
    if wrong is not None:
        raise InputError(
            "E-SCHEDULE-VALUE",
            "{source}: {name}={value}; the rule is {rule}: correct the file, or take the one that the model was "
            "published with",
            source=source,
            name=wrong.name,
            value=shown(wrong.value),
            rule=wrong.rule,
        )
