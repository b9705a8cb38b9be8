"""The languages of the page: its own words are written in English in the code, and translated here."""
from __future__ import annotations

from collections.abc import Callable

from .. import chinese

Translate = Callable[[str], str]

# Where the command line's name for a parameter says little on a page.
_ENGLISH = {
    "Video path": "Clip",
    "Init video": "Clip to start from",
    "Start t": "Start of the clip",
    "End t": "End of the clip",
    "Out fps": "Frames per second of the clip",
    "Fps": "Frames per second",
    "Also": "More controls",
}

LANGUAGES: dict[str, dict[str, str]] = {"en": _ENGLISH, "zh": {**chinese.WORDS, **chinese.HELP}}
NAMES = {"en": "English", "zh": "中文"}


def translator(language: str) -> Translate:
    """Takes the English words to those of the language, a key of ``LANGUAGES``; words it lacks stay."""
    table = LANGUAGES[language]
    return lambda words: table.get(words, words)


def preferred(accept_language: str) -> str:
    """The language that a browser asks for with its Accept-Language header, else English (RFC 9110, 12.5.4)."""
    wanted = []
    for part in accept_language.split(","):
        tag, _, weight = part.partition(";q=")
        try:
            wanted.append((-float(weight or 1), tag.strip().lower().split("-")[0]))
        except ValueError:
            continue
    return next((tag for _, tag in sorted(wanted, key=lambda each: each[0]) if tag in LANGUAGES), "en")
