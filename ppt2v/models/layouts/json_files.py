"""The JSON files of a model, which others have written, and which a download may have damaged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ppt2v.errors import InputError
from ppt2v.language import Message, words

_LARGEST_JSON = 64 * 2**20  # bytes; the vocabularies of large language models stay below
_LARGEST_WHOLE = 2**53  # of a float that tells all whole numbers below apart


def read_json(file: Path) -> dict[str, Any]:
    """The content of a file of a model; InputError if it is missing or no JSON object.

    Whole numbers are ints, however they are written: other programs make 2.0 of 2.
    """
    if file.exists() and not file.is_file():
        raise InputError(
            "E-JSON-NO-FILE", "{file} is no file but a folder or a device; download or copy the model again", file=file
        )
    try:
        if file.stat().st_size > _LARGEST_JSON:
            raise InputError(
                "E-JSON-LARGE",
                "{file} is larger than {most} MiB, which no such file is",
                file=file,
                most=_LARGEST_JSON // 2**20,
            )
        content = json.loads(file.read_text(encoding="utf-8-sig"), parse_float=_number)
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(
            "E-MODEL-FILE-MISSING",
            "{folder} has no {name}; give a folder in the layout of diffusers",
            folder=file.parent,
            name=file.name,
        ) from None
    except (ValueError, RecursionError) as error:
        raise InputError(
            "E-JSON-DAMAGED",
            "{file} is no JSON ({reason}); download or copy this file again",
            file=file,
            reason=_reason(file, error),
        ) from None
    if not isinstance(content, dict):
        raise InputError(
            "E-JSON-OBJECT",
            "{file} holds {kind} instead of an object ({{...}}); download or copy this file again",
            file=file,
            kind=_json_kind(content),
        )
    return content


def _number(text: str) -> float | int:
    number = float(text)
    return int(number) if number.is_integer() and abs(number) <= _LARGEST_WHOLE else number


def _reason(file: Path, error: Exception) -> str | Message:
    with file.open("rb") as stream:
        beginning = stream.read(64).lower()
    if beginning.startswith(b"version https://git-lfs"):
        return words("but a git-lfs pointer: run git lfs pull")
    is_page = beginning.lstrip().startswith((b"<!doctype", b"<html"))
    return words("but a web page") if is_page else str(error)


def _json_kind(value: Any) -> str | Message:
    if value is None:
        return "null"
    kinds = {list: words("a list"), str: words("a text"), bool: words("true or false")}
    return kinds.get(type(value), words("a number"))
