"""The documents, and the blocks in them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from conftest import ROOT

ENGLISH, CHINESE = ROOT / "README.md", ROOT / "README.zh-CN.md"
DOCUMENTS = [ENGLISH, CHINESE, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
TRANSLATED = [each for each in DOCUMENTS if each != CHINESE and each.name.endswith(".zh-CN.md")]
FENCE = re.compile(r"(?:<!-- (?P<mark>[^\n]*) -->\n)?```(?P<language>\w*)\n(?P<code>.*?)^```$", re.M | re.S)


class Block(NamedTuple):
    """A fenced block: where it is, the comment right before it, and what is in it."""

    place: str
    mark: str | None
    language: str
    code: str


def blocks(document: Path) -> list[Block]:
    text = document.read_text(encoding="utf-8")
    return [
        Block(
            f"{document.name}:{text.count(chr(10), 0, found.start()) + 1}",
            found["mark"],
            found["language"],
            found["code"],
        )
        for found in FENCE.finditer(text)
    ]
