"""What clients are told: nothing of the machine's folders."""

from __future__ import annotations

import re

# Absolute paths but for their last part; neither addresses ("http://host/...") nor ids ("org/name").
_FOLDERS = re.compile(r"(?<![\w:/.~-])~?/(?:[^\s/'\"]+/)+")


def without_folders(message: str) -> str:
    """The message, with files and folders by their names alone."""
    return _FOLDERS.sub("", message)
