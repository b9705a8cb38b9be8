"""The values of a run as the texts that recipes keep."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ppt2v.errors import InputError
from ppt2v.models.adapters import adapters
from ppt2v.models.sources import catalogue, locate
from ppt2v.modes import Mode
from ppt2v.parameters import Parameter, shown
from ppt2v.pipelines.planning import keyframes
from ppt2v.video.overlay import names_image

from . import guides

_MOST_BYTES = 255  # of a name within a path, on nearly every file system


def as_texts(mode: Mode, given: Mapping[str, Any]) -> dict[str, Any]:
    """The values as recipes keep them: texts, with which the same models and files are found from every folder.

    Raises:
        InputError: what should be a path or a name is neither; as ``keyframes.as_text``.
    """
    parameters = {parameter.name: parameter for parameter in mode.parameters}
    if given.get("model_name") is not None:
        given = {**given, "model_name": model_of(mode, given["model_name"])}
    return {
        name: _as_text(parameters[name], value) if value is not None and name in parameters else value
        for name, value in given.items()
    }


def _as_text(parameter: Parameter, value: Any) -> Any:
    if parameter.holds == "size":
        return str(value) if parameter.kind is str else value  # the side of a square may come as a number
    if parameter.holds == "keyframes":
        return keyframes.as_text(parameter.name, value)
    if parameter.holds not in _TEXTS:
        return value
    pieces = value if isinstance(value, (list, tuple)) and parameter.many else [value]
    accepted = (str, os.PathLike, tuple, list) if parameter.many else (str, os.PathLike)  # pairs: a path and its rest
    if not all(isinstance(piece, accepted) for piece in pieces):
        raise InputError(
            "E-PARAMETER-VALUE",
            "{name}={value}: the rule is {rule}",
            name=parameter.name,
            value=shown(value),
            rule=parameter.rule,
        )
    if "" in pieces:  # which as a path would be the current folder
        return parameter.check(value)
    text = _TEXTS[parameter.holds](value)
    for path in text if parameter.many else [text]:
        _check_length(parameter, path)
    return text


def _check_length(parameter: Parameter, path: str) -> None:
    """Refuses a path that no file system takes."""
    if parameter.holds == "picture" and not names_image(path):
        return
    if any(len(name.encode(errors="surrogatepass")) > _MOST_BYTES for name in path.split(os.sep)):
        raise InputError(
            "E-PATH-LONG",
            "{name}={value} has a name of more than {most} bytes: no file has one",
            name=parameter.name,
            value=shown(path),
            most=_MOST_BYTES,
        )


def _absolute(path: str | Path) -> str:
    return str(Path(os.path.expanduser(path)).absolute())


def _picture(mark: str | Path) -> str:
    return _absolute(mark) if names_image(str(mark)) else str(mark)


# By what a parameter holds: its value as a text.
_TEXTS: dict[str | None, Callable[[Any], Any]] = {
    "clip": _absolute,
    "model": locate.from_anywhere,
    "still": locate.from_anywhere,
    "file": locate.from_anywhere,
    "guide": guides.from_anywhere,
    "adapter": adapters.as_texts,
    "picture": _picture,
    "output": str,
}


def model_of(mode: Mode, name: str | Path) -> str | Path:
    """The model of that name: ``catalogue.EMBEDDED`` stands for the one that ships for this mode."""
    return mode.default("model_name") if str(name) == catalogue.EMBEDDED else name
