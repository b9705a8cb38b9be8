"""Which language is in force: the process's, as the environment says, unless a block of code speaks another."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

LANGUAGES = {"en": "English", "zh": "中文"}
_ENGLISH = "en"
_VARIABLES = ("PPT2V_LANG", "LC_ALL", "LC_MESSAGES", "LANG")  # the first that is set decides, as for gettext
_SPOKEN: ContextVar[str | None] = ContextVar("language", default=None)


def current() -> str:
    """The language in force, a key of ``LANGUAGES``."""
    return _SPOKEN.get() or _of_process()


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Within it this language is in force, a key of ``LANGUAGES``."""
    before = _SPOKEN.set(language)
    try:
        yield
    finally:
        _SPOKEN.reset(before)


def preferred(accept_language: str) -> str:
    """The language that a client asks for with its Accept-Language header, else English (RFC 9110, 12.5.4)."""
    wanted = []
    for part in accept_language.split(","):
        tag, _, weight = part.partition(";q=")
        try:
            wanted.append((-float(weight or 1), tag.strip().lower().split("-")[0]))
        except ValueError:
            continue
    return next((tag for _, tag in sorted(wanted, key=lambda each: each[0]) if tag in LANGUAGES), _ENGLISH)


@functools.cache
def _of_process() -> str:
    named = next(filter(None, map(os.environ.get, _VARIABLES)), "")
    language = named.lower()[:2]  # of zh, zh_CN.UTF-8, zh-Hans
    return language if language in LANGUAGES else _ENGLISH
