"""The documents in Chinese say what the English ones say, as far as that can be seen without reading them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import ROOT
from documents import FENCE, TRANSLATED, blocks

# What is the same in every language: code, and numbers that stand alone.
_SAME = re.compile(r"`[^`]+`|(?<![\w.])\d[\d.,]*\d|(?<![\w.])\d")
_WRITTEN = "parameters.zh-CN.md"  # from the tables, as test_documents has it


def english_name(page: Path) -> str:
    return page.name.replace(".zh-CN", "")


PAIRS = [(page.with_name(english_name(page)), page) for page in TRANSLATED if page.name != _WRITTEN]


def without_blocks(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def headings(page: Path) -> list[int]:
    """The level of each."""
    return [len(marks) for marks in re.findall(r"^(#+) ", without_blocks(page), re.M)]


def rows(page: Path) -> list[list[str]]:
    """What is the same in each row of the tables, in order."""
    lines = [line for line in without_blocks(page).splitlines() if line.startswith("|")]
    return [sorted(_SAME.findall(line)) for line in lines]


def links(page: Path) -> list[str]:
    """Where links lead to: other pages by their English name, and without the place on a page."""
    targets = re.findall(r"\]\(([^)#]*)", without_blocks(page))
    return sorted({target.replace(".zh-CN", "") for target in targets} - {"", english_name(page)})


@pytest.fixture(params=PAIRS, ids=lambda pair: pair[0].stem)
def pair(request) -> tuple[Path, Path]:
    """The page in English and in Chinese."""
    return request.param


def test_both_pages_have_the_same_code(pair):
    english, chinese = ([(one.mark, one.language, one.code) for one in blocks(page)] for page in pair)
    drawings = [one for page in (english, chinese) for one in page if one[1] == "mermaid"]
    assert [one for one in english if one not in drawings] == [one for one in chinese if one not in drawings]


def test_both_pages_have_the_same_headings(pair):
    english, chinese = map(headings, pair)
    assert english == chinese


def test_tables_of_both_pages_have_the_same_names_and_figures(pair):
    english, chinese = map(rows, pair)
    assert english == chinese


def test_both_pages_lead_to_the_same_places(pair):
    english, chinese = map(links, pair)
    assert english == chinese


def test_each_page_leads_to_the_other(pair):
    english, chinese = pair
    assert f"]({chinese.name})" in english.read_text(encoding="utf-8")
    assert f"]({english.name})" in chinese.read_text(encoding="utf-8")


def test_a_page_that_falls_behind_is_seen(tmp_path):
    before, after = tmp_path / "before.md", tmp_path / "after.md"
    before.write_text("# A\n\n| `--frames` | 0.82 (143 s) |\n")
    after.write_text("# A\n\n## B\n\n| `--frames` | 0.81 (143 s) |\n")
    assert rows(before) == [["0.82", "143", "`--frames`"]] and rows(after) != rows(before)
    assert headings(before) == [1] and headings(after) == [1, 2]


def test_the_chinese_front_page_leads_to_every_chinese_page():
    front = (ROOT / "README.zh-CN.md").read_text(encoding="utf-8")
    assert [page.name for page in TRANSLATED if f"](docs/{page.name}" not in front] == []
