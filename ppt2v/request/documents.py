"""Files that people write: their text in whatever encoding, and YAML and JSON in which nothing is said twice."""

from __future__ import annotations

import codecs
import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ppt2v.errors import InputError, Notice

# What a file begins with that says its encoding; of two that begin alike the longer one comes first.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_LARGEST = 64 * 2**20  # bytes
_CHINESE = re.compile(r"[\u2010-\u203b\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")
_MERGE = "tag:yaml.org,2002:merge"
_LINE_ENDS = re.compile(r"\r\n|\r|\n")


def read_text(path: Path) -> str:
    """The text of a file in UTF-8, UTF-16 or UTF-32, else in GB18030, as Chinese spreadsheets write it, with a warning.

    Raises:
        InputError: no such file, one that cannot be read or is far too large, or another encoding.
    """
    try:
        if path.exists() and not path.is_file():
            raise InputError(
                "E-FILE-NO-FILE", "{path} cannot be read: it is no file but a folder, a device or a pipe", path=path
            )
        if path.stat().st_size > _LARGEST:
            raise InputError(
                "E-FILE-LARGE",
                "{path} is larger than {most} MiB, which no such file is",
                path=path,
                most=_LARGEST // 2**20,
            )
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError("E-FILE-MISSING", "{path}: there is no such file", path=path) from None
    except OSError as error:
        raise InputError(
            "E-FILE-UNREADABLE", "{path} cannot be read: {reason}", path=path, reason=error.strerror
        ) from None
    text = _decoded(path, data)
    if "\0" in text:
        raise InputError("E-FILE-ZERO-BYTES", "{path} is no text: it has bytes that are zero", path=path)
    return text


def _decoded(path: Path, data: bytes) -> str:
    mark, encoding = next(((mark, name) for mark, name in _MARKS if data.startswith(mark)), (b"", _unmarked(data)))
    try:
        return data[len(mark) :].decode(encoding)
    except UnicodeDecodeError:
        text = data.decode("gb18030", "replace") if encoding == "utf-8" and not mark else ""
    letters = [letter for letter in text if not letter.isascii()]
    # Western encodings pass for GB18030 too, as rare signs of their accents and the letters that follow.
    if not letters or "\ufffd" in letters or sum(map(_is_common, letters)) < 0.8 * len(letters):
        raise InputError(
            "E-FILE-ENCODING",
            "{path} is neither UTF-8 nor UTF-16 nor GB18030: save it as UTF-8 (in Excel: CSV UTF-8)",
            path=path,
        )
    warnings.warn(Notice("N-READ-AS-GB18030", "{path} is not in UTF-8: read as GB18030", path=path), stacklevel=4)
    return text


def _unmarked(data: bytes) -> str:
    """The encoding of a file without a mark that begins with a letter of ASCII."""
    return {b"\0": "utf-16-be"}.get(data[:1], "utf-16-le" if data[1:2] == b"\0" else "utf-8")


def _is_common(letter: str) -> bool:
    """Whether it is a Chinese sign or mark of GB 2312, as nearly all of Chinese texts are."""
    try:
        return bool(_CHINESE.match(letter)) and bool(letter.encode("gb2312"))
    except UnicodeEncodeError:
        return False


def json_lines(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    """The values of a text with JSON on each line, by the numbers of the lines; empty lines are none.

    Raises:
        InputError: a line is no JSON, or says something twice.
    """
    for line, row in enumerate(_LINE_ENDS.split(text), start=1):
        if row.strip():
            try:
                yield line, json.loads(row, object_pairs_hook=_once)
            except InputError as error:
                raise InputError(
                    error.code, "{path}, line {line}: {error}", path=path, line=line, error=error
                ) from None
            except (ValueError, RecursionError) as error:
                raise InputError(
                    "E-JSON-LINE", "{path}, line {line}: this is no JSON ({reason})", path=path, line=line, reason=error
                ) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    for place, (name, _) in enumerate(pairs):
        check_once(name, [other for other, _ in pairs[:place]])
    return dict(pairs)


def check_once(name: Any, before: Any) -> None:
    """Raises InputError for a name that was there before."""
    if name in before:
        raise InputError("E-GIVEN-TWICE", "{name!r} is given twice; leave one of them out", name=name)


def yaml_list(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    """The members of a list in YAML, by the lines at which they begin.

    Raises:
        InputError: the text is no YAML or no list, or says something twice.
    """
    import yaml

    loader = _loader()(text)
    try:
        root = loader.get_single_node()
        if root is not None and not isinstance(root, yaml.SequenceNode):
            raise InputError(
                "E-YAML-LIST", "{path} is no list: give lines of the form `- prompt: what the video shows`", path=path
            )
        for node in root.value if root else ():
            yield node.start_mark.line + 1, _constructed(loader, path, node)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(
            "E-YAML-SYNTAX", "{path} is no YAML: {reason}", path=path, reason=" ".join(str(error).split())
        ) from None
    finally:
        loader.dispose()


def _constructed(loader, path: Path, node) -> Any:
    try:
        return loader.construct_document(node)
    except InputError as error:
        raise InputError(
            error.code, "{path}, line {line}: {error}", path=path, line=node.start_mark.line + 1, error=error
        ) from None


def _loader() -> type:
    """PyYAML's safe loader, but for keys that are given twice."""
    import yaml

    class Loader(yaml.SafeLoader):
        def construct_mapping(self, node, deep=False):
            keys = [self.construct_object(key, deep=True) for key, _ in node.value if key.tag != _MERGE]
            for place, key in enumerate(keys):
                check_once(key, keys[:place])
            return super().construct_mapping(node, deep)

    return Loader
