"""The page about the architecture, in both languages, is true to the tree and to the import rule."""

from __future__ import annotations

import re

import pytest
from conftest import ROOT
from test_imports import INNER, ROWS

PAGES = [ROOT / "docs" / name for name in ("architecture.md", "architecture.zh-CN.md")]
TEXTS = [page.read_text("utf-8") for page in PAGES]
both_languages = pytest.mark.parametrize("text", TEXTS, ids=["English", "Chinese"])


def rows(text: str) -> dict[str, list[set[str]]]:
    """The tables of numbered rows by the folder that their heading names ("" for the package): names in each row.

    What is no name in backticks stands for the rest.
    """
    tables: dict[str, list[set[str]]] = {}
    for part in re.split(r"^##", text, flags=re.M):
        folder = re.match(r"# `(\w+)`", part)
        for number, name in re.findall(r"^\| (\d+) \| ([^|]+) \|", part, re.M):
            table = tables.setdefault(folder[1] if folder else "", [])
            assert int(number) in (len(table), len(table) + 1)
            if int(number) > len(table):
                table.append(set())
            table[-1].add(name.strip("`") if name.startswith("`") else "rest")
    return tables


@both_languages
def test_the_rows_are_those_that_imports_are_held_to(text):
    expected = {folder: [set(row.split()) for row in order] for folder, order in {"": ROWS, **INNER}.items()}
    assert rows(text) == expected


@both_languages
def test_every_folder_below_one_with_an_order_is_named(text):
    for folder, table in rows(text).items():
        place = ROOT / "pipelines" if folder == "pipelines" else ROOT / "ppt2v" / folder
        there = {each.parent.name for each in place.glob("*/__init__.py")}
        named = set().union(*table) - {"rest"}
        assert there <= named
        assert all((place / name).is_dir() or (place / f"{name}.py").is_file() for name in named - {"pipelines"})


@both_languages
def test_the_folders_beside_the_package_are_there(text):
    named = re.findall(r"^\| `(\w+)` \|", text, re.M)
    assert len(named) > 5 and all((ROOT / name).is_dir() for name in named)


@both_languages
def test_what_the_recipes_name_is_where_they_say(text):
    recipes = re.split(r"^## ", text, flags=re.M)[-1]
    paths = re.findall(r"`((?:\w+/)+(?:\w+\.py)?)`", recipes)
    files = [file for path in paths for file in ([ROOT / path] if path.endswith(".py") else (ROOT / path).glob("*.py"))]
    code = "\n".join(file.read_text("utf-8") for file in files)
    assert len(paths) > 10
    for name in re.findall(r"`(\w+)`", recipes):
        assert re.search(rf"^ *(?:class |def )?{name}\b", code, re.M), name


def test_both_languages_draw_the_same():
    def drawing(text: str) -> list[str]:
        """The arrows, without what is written on them."""
        (code,) = re.findall(r"^```mermaid\n(.*?)^```$", text, re.M | re.S)
        return [re.sub(r'\["[^"]*"\]|-- .*? -->', "", line) for line in code.splitlines()]

    english, chinese = map(drawing, TEXTS)
    assert english == chinese and len(english) > 5
