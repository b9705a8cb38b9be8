"""The file of a batch: which videos are to be made, one to a row of YAML, JSON lines or CSV."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ppt2v import video
from ppt2v.errors import InputError, Notice
from ppt2v.language import Message, words
from ppt2v.modes import Mode
from ppt2v.parameters import Parameter, holding, shown
from ppt2v.request import documents, request

from . import tables

_LISTED = 10  # lines that a warning names
DEFAULT_MODE = "text2video"
_TRUTHS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
# Values of cells: spreadsheets write whole numbers as 2.0, and in some languages a comma in numbers.
_KINDS: dict[type, Callable[[str], Any]] = {
    str: str,
    int: lambda text: int(re.sub(r"(\.0+|,0)$", "", text)),
    float: lambda text: float(re.sub(r"^([+-]?\d+),(\d{1,2})$", r"\1.\2", text)),
    bool: lambda text: _TRUTHS[text.lower()],
}


class Row(NamedTuple):
    """A video to make.

    ``line``: where it is asked for; ``given``: its parameters as ``Request.given`` has them; ``advice``: what should be
    known of its prompts.
    """

    line: int
    mode: Mode
    given: dict[str, Any]
    target: Path
    advice: tuple[Message, ...] = ()


def read(path: str | Path, folder: Path) -> list[Row]:
    """The rows of a file, every one of them checked.

    Args:
        path: ends in .yaml, .yml, .jsonl, .csv or .tsv.
        folder: where the videos go.

    Raises:
        InputError: a file that cannot be read, or the first row that cannot be followed, by file and line.
    """
    path, rows = Path(path), dict[Path, Row]()
    entries = _reader(path)
    for line, values in entries(path, documents.read_text(path)):
        try:
            row = row_of(line, values, folder, of_texts=entries is tables.rows)
            if row.target in rows:
                raise InputError(
                    "E-BATCH-TWICE",
                    "line {line} makes {name} too: give one of them another seed, or a name",
                    line=rows[row.target].line,
                    name=row.target.name,
                )
        except InputError as error:
            raise InputError(error.code, "{path}, line {line}: {error}", path=path, line=line, error=error) from None
        rows[row.target] = row
    _warn(path, rows.values())
    if not rows:
        raise InputError(
            "E-BATCH-EMPTY", "{path} asks for nothing: give a row for each video, with at least a prompt", path=path
        )
    return list(rows.values())


def _reader(path: Path):
    readers = {
        ".yaml": documents.yaml_list,
        ".yml": documents.yaml_list,
        ".jsonl": documents.json_lines,
        ".csv": tables.rows,
        ".tsv": tables.rows,
    }
    if path.suffix.lower() not in readers:
        raise InputError(
            "E-BATCH-FILE-TYPE",
            "{path}: the name of a batch's file ends in one of {endings}",
            path=path,
            endings=readers,
        )
    return readers[path.suffix.lower()]


def row_of(line: int, values: Any, folder: Path, of_texts: bool = False) -> Row:
    """The row that asks for these values, checked.

    Args:
        line: where it is asked for.
        values: by name; with a mode, and a name for the file, if these are not to be the usual ones.
        folder: where the video goes.
        of_texts: whether all values are texts, as in a table.

    Raises:
        InputError: what cannot be followed.
    """
    if not isinstance(values, Mapping):
        raise InputError(
            "E-BATCH-ROW",
            "{values} is no row: give names and values, such as a prompt and a seed",
            values=shown(values),
        )
    values = {str(name): value for name, value in values.items() if value is not None}
    mode, name = request.mode(str(values.pop("mode", DEFAULT_MODE))), values.pop("name", None)
    for own in holding(mode.parameters, "output"):
        if own in values:
            raise InputError(
                "E-BATCH-OUTPUT", "{name}: a batch chooses it; leave it out, or give the row a name", name=own
            )
    if of_texts:
        known = {parameter.name: parameter for parameter in mode.parameters}
        values = {each: _of_text(known[each], text) if each in known else text for each, text in values.items()}
    if mode.has("seed"):
        values.setdefault("seed", 0)
    asked = request.Request.of(mode, values)
    ending = _ending(asked.values)
    stem = _stem(asked) if name is None else _checked_name(str(name))
    return Row(line, mode, asked.given, folder / f"{stem}.{ending}", tuple(asked.advice()))


def _warn(path: Path, rows: Iterable[Row]) -> None:
    """Says once what should be known of several rows."""
    lines: dict[str, tuple[Message, list[int]]] = {}
    for row in rows:
        for each in row.advice:
            lines.setdefault(str(each), (each, []))[1].append(row.line)
    for said, places in lines.values():
        more = words(" and {number} more", number=len(places) - _LISTED) if len(places) > _LISTED else ""
        notice = Notice(
            said.code, "{path}, line {lines}{more}: {said}", path=path, lines=places[:_LISTED], more=more, said=said
        )
        warnings.warn(notice, stacklevel=3)


def _of_text(parameter: Parameter, text: str) -> Any:
    """The value of a cell, in which a semicolon separates those of a list."""
    if parameter.many:
        return [each.strip() for each in text.split(";")]
    try:
        return _KINDS[parameter.kind](text)
    except (KeyError, ValueError):
        raise InputError(
            "E-PARAMETER-VALUE",
            "{name}={value}: the rule is {rule}",
            name=parameter.name,
            value=shown(text),
            rule=parameter.rule,
        ) from None


def _ending(values: Mapping[str, Any]) -> str:
    ending = (values.get("save_format") or "mp4").lower().lstrip(".")
    if ending not in video.FORMATS:
        raise InputError(
            "E-FORMAT-UNKNOWN",
            "unknown save format {format!r}: choose one of {formats}",
            format=ending,
            formats=video.FORMATS,
        )
    if values.get("fps") is not None:
        video.check_fps(values["fps"], ending, values.get("interpolate") or 1)
    return ending


def _stem(asked: request.Request) -> str:
    """A name made of the clip, the prompt and the seed."""
    words = [asked.clip.path.stem] if asked.clip else []
    words.append(request.file_stem(asked.values["prompt"]))
    seed = f"-{asked.values['seed']}" if asked.mode.has("seed") else ""
    return video.shortened("-".join(words), ending=seed)


def _checked_name(name: str) -> str:
    if not re.fullmatch(r"[\w-][\w .-]{0,99}", name):
        raise InputError(
            "E-BATCH-NAME", "name={name!r}: the rule is up to 100 letters, digits, blanks, dots and dashes", name=name
        )
    return video.shortened(name)
