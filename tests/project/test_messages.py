"""Every message has a code of its own, and Chinese that says the same values."""

from __future__ import annotations

import ast
import json
import os
import re
import string
import subprocess
import sys
from collections.abc import Iterator
from http import HTTPStatus
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import ROOT

from ppt2v.language.chinese import TABLE, TABLES
from ppt2v.parameters import GROUPS

CODE = re.compile(r"[EN](-[A-Z0-9]+)+")
ERRORS = {"InputError", "NumericalError", "UnsupportedError", "QueueFull", "Message", "Notice"}
# Not in the source that is looked through: of language.message, of the list of parameters, of typer and of FastAPI.
ELSEWHERE = {
    "Successful Response",
    "{one} or {other}",
    "{one} and {other}",
    "{rule}; repeatable",
    "Commands",
    "Show this message and exit.",
    "Install completion for the current shell.",
    "Show completion for the current shell, to copy it or customize the installation.",
    "default: {default}",
    "env var: {var}",
    "required",
}


class Told(NamedTuple):
    """A message in the source: its code, the English and the names of its values, where it gives them by name."""

    place: str
    code: str | None
    template: str
    values: set[str] | None


# Of http.HTTPStatus, some of which Python 3.13 calls otherwise.
TITLES = {each.phrase for each in HTTPStatus} | {
    "Content Too Large",
    "Request Entity Too Large",
    "Unprocessable Content",
    "Unprocessable Entity",
}


def _called(call: ast.Call) -> str:
    return getattr(call.func, "id", getattr(call.func, "attr", ""))


def _text(call: ast.Call, position: int) -> str | None:
    argument = call.args[position] if len(call.args) > position else None
    return argument.value if isinstance(argument, ast.Constant) and isinstance(argument.value, str) else None


def _messages(file: Path) -> Iterator[Told]:
    for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(call, ast.Call):
            continue
        status = int(_called(call) == "Refusal")  # which comes first there
        place, first, second = f"{file.relative_to(ROOT)}:{call.lineno}", _text(call, status), _text(call, status + 1)
        given = {keyword.arg for keyword in call.keywords if keyword.arg != "headers"}
        values = None if None in given else {name for name in given if name}
        if _called(call) == "words":
            assert first is not None, f"{place}: words have to stand where they are said"
            yield Told(place, None, first, values)
        elif second is None and values is None:  # passed on
            continue
        elif _called(call) in ERRORS or CODE.fullmatch(first or ""):
            assert second is not None, f"{place}: a message has a code, its English, and values by name"
            yield Told(place, first, second, values)


def _source() -> Iterator[Path]:
    for folder in ("ppt2v", "pipelines"):
        yield from (file for file in (ROOT / folder).rglob("*.py") if "language" not in file.parts)


MESSAGES = [told for file in _source() for told in _messages(file)]


def _texts(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value.partition(" (")[0]
            yield node.value


LABELS = set(chain.from_iterable(map(_texts, _source())))


def _fields(template: str) -> set[tuple]:
    return {(name, spec, conversion) for _, name, spec, conversion in string.Formatter().parse(template) if name}


def _key(told: Told) -> str:
    return told.template if told.template in TABLE else told.code or told.template


def test_every_message_has_chinese():
    assert len(MESSAGES) > 400
    assert [(told.place, told.template) for told in MESSAGES if _key(told) not in TABLE] == []


def test_the_chinese_says_the_same_values():
    wrong = [told for told in MESSAGES if _key(told) in TABLE and _fields(told.template) != _fields(TABLE[_key(told)])]
    assert [(told.place, told.template, TABLE[_key(told)]) for told in wrong] == []


def test_a_message_is_given_the_values_that_it_says():
    given = [told for told in MESSAGES if told.values is not None]
    wrong = [told for told in given if told.values != {name for name, *_ in _fields(told.template)}]
    assert [(told.place, told.template) for told in wrong] == []


def test_a_code_means_one_message():
    templates: dict[str, set[str]] = {}
    for told in MESSAGES:
        if told.code:
            assert CODE.fullmatch(told.code), told.place
            templates.setdefault(told.code, set()).add(told.template)
    assert {code: said for code, said in templates.items() if len(said) > 1} == {}


def test_the_chinese_has_no_entry_twice_or_for_nothing():
    entries = [key for table in TABLES for key in table.MESSAGES]
    assert len(entries) == len(set(entries))
    used = {_key(told) for told in MESSAGES} | ELSEWHERE | TITLES | LABELS
    assert set(entries) - used == set()


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__.split(".")[-1])
def test_the_chinese_is_written_with_chinese_punctuation(table):
    half_width = re.compile(r"[\u4e00-\u9fff][,;?!(]|[,;?!)][\u4e00-\u9fff]")
    assert [text for text in table.MESSAGES.values() if half_width.search(text)] == []


_HELP = """
import json, typer
from ppt2v.cli import app

def told(command, path):
    context = typer.Context(command)
    yield path, command.help
    yield from ((f"{path} {each.name}", each.help) for each in command.get_params(context))
    for name, own in getattr(command, "commands", {}).items():
        yield from told(own, f"{path} {name}")

print(json.dumps(list(told(typer.main.get_command(app.app), "ppt2v"))))
"""


def test_the_help_of_every_command_has_chinese():
    in_chinese = {**os.environ, "PPT2V_LANG": "zh"}
    printed = subprocess.run([sys.executable, "-c", _HELP], env=in_chinese, capture_output=True, check=True).stdout
    helps = json.loads(printed)
    assert len(helps) > 200
    assert [(place, said) for place, said in helps if said and not re.search(r"[\u4e00-\u9fff]", said)] == []


def test_stages_and_labels_have_chinese():
    stages = {"Preparing", "Denoising", "Decoding", "Control maps", "Videos", "Training"}
    assert {*stages, *GROUPS} - {"Main"} <= set(TABLE)
