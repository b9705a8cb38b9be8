"""What prompts that were written for other programs say beside words, and what is done instead here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ppt2v.language import Message, words


class _Syntax(NamedTuple):
    """``sign``: what it looks like; ``meaning``: what it is elsewhere; ``advice``: what to do here."""

    sign: str
    meaning: Message
    advice: Message


_LEAVE_OUT = words("take it out of the prompt")
_WEIGHTS = words("write a weight as (word:1.3)")
# A number after a colon is a time of day or a ratio, 10:30 or 16:9, where there is one before it, too.
_SYNTAXES = (
    _Syntax(
        r"(?<!\\)\[[^\[\]()|]*(?<!\d):\s*\d*\.?\d+\s*\]",
        words("another prompt from a step on"),
        words("prompt_at=... (--prompt-at) gives another one from a frame on"),
    ),
    _Syntax(r"(?<!\\)\[[^\[\]]*\|[^\[\]]*\]", words("words that take turns"), _LEAVE_OUT),
    _Syntax(r"\{[^{}]*\|[^{}]*\}|__[\w/-]+__", words("a choice of words"), words("write one of them")),
    _Syntax(r"(?<![A-Z])\s+AND\s+(?![A-Z]{2})", words("several prompts that are added up"), _LEAVE_OUT),
    _Syntax(r"<hypernet:[^<>]*>", words("a hypernetwork"), _LEAVE_OUT),
    _Syntax(
        r"\bembedding:[\w./-]+",
        words("the file of a textual inversion"),
        words("give it as textual_inversion=... (--textual-inversion) and write its word alone"),
    ),
    _Syntax(r"\w{2,}\+\+|(?<![\\\d])\)(?:\+|-(?!\w)|\d*\.\d+)", words("a weight"), _WEIGHTS),
    _Syntax(r"\([^()]*(?<!\d):\s*\d+,\d+\s*\)", words("a weight"), _WEIGHTS),
    _Syntax(
        r"[（【][^（）【】]*(?<!\d)[:：]\s*[\d.]+\s*[）】]|（（[^（）]*））|\([^()（）]*(?<!\d)：\s*[\d.]+\s*\)",
        words("a weight"),
        _WEIGHTS,
    ),
)


def advice(name: str, prompt: str) -> Iterator[Message]:
    """Says what of a prompt is read as words and was perhaps not meant so; ``name``: of its parameter."""
    for sign, meaning, instead in _SYNTAXES:
        found = re.search(sign, prompt)
        if found:
            yield Message(
                "N-PROMPT-SYNTAX",
                "{name} has {found!r}, elsewhere {meaning}: here it is read as words; if it was meant so, {instead}",
                name=name,
                found=found[0].strip(),
                meaning=meaning,
                instead=instead,
            )
