"""CSV as spreadsheets write it: with commas, semicolons or tabs, and with rows and columns that were emptied."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

from ppt2v.errors import InputError
from ppt2v.request.documents import check_once

_DELIMITERS = ",;\t"
_SAID = re.compile(r'"?sep=(.)"?[^\r\n]*(?:\r\n|\r|\n)', re.IGNORECASE)  # the first line, as Excel understands it


def rows(path: Path, text: str) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows below the names of the columns: the line at which each begins, and its cells by name.

    Names are taken without blanks around them and in small letters. Empty cells and rows count as not there.

    Raises:
        InputError: a cell in no column, a name twice, or quotation marks that are not closed.
    """
    said = _SAID.match(text)
    text, above = (text[said.end() :], 1) if said else (text, 0)
    delimiter = said[1] if said else _likely_delimiter(text)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter, skipinitialspace=True)
    line, names = above + 1, list[str]()
    try:
        for cells in reader:
            cells = [cell.strip() for cell in cells]
            if any(cells) and not names:
                names = _names([cell.lower() for cell in cells])
            elif any(cells):
                yield line, _by_name(names, cells)
            line = above + reader.line_num + 1
    except InputError as error:
        raise InputError(error.code, "{path}, line {line}: {error}", path=path, line=line, error=error) from None
    except csv.Error as error:
        raise InputError(
            "E-CSV-QUOTES",
            "{path}, line {line}: its quotation marks cannot be read ({reason}): close each, and double those inside",
            path=path,
            line=line,
            reason=error,
        ) from None


def _likely_delimiter(text: str) -> str:
    """What stands most often in the first line that says anything: names of columns have none of them."""
    head = next((line for line in text.splitlines() if line.strip(_DELIMITERS + " ")), "")
    return max(_DELIMITERS, key=head.count)


def _names(names: list[str]) -> list[str]:
    for place, name in enumerate(names):
        check_once(name, [other for other in names[:place] if other])
    return names


def _by_name(names: list[str], cells: list[str]) -> dict[str, str]:
    names = names + [""] * (len(cells) - len(names))
    stray = next((cell for name, cell in zip(names, cells) if cell and not name), None)
    if stray is not None:
        raise InputError("E-CSV-CELL", "the cell {cell!r} is below none of the names in the first line", cell=stray)
    return {name: cell for name, cell in zip(names, cells) if cell}
