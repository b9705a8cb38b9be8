"""A batch of clips that are all treated alike."""

from __future__ import annotations

import glob
import os
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ppt2v.errors import InputError
from ppt2v.modes import Mode

from .rows import Row, row_of


def expanded(names: Iterable[str]) -> list[str]:
    """The paths, in the place of a pattern such as "clips/*.mp4" those of the files that it fits, by name.

    Raises:
        InputError: a pattern that fits nothing.
    """
    found: list[str] = []
    for name in map(os.path.expanduser, names):
        fitting = (
            [name] if os.path.exists(name) or not glob.has_magic(name) else sorted(glob.glob(name, recursive=True))
        )
        if not fitting:
            raise InputError("E-BATCH-PATTERN", "{pattern} fits no file: give the paths of clips", pattern=name)
        found += fitting
    return list(dict.fromkeys(found))


def rows(clips: Iterable[str], mode: Mode, setting: Mapping[str, Any], folder: Path) -> list[Row]:
    """A row for each clip, checked.

    Args:
        setting: the parameters of all, by name.
        folder: where the videos go.

    Raises:
        InputError: a mode that takes no clip, the first clip that cannot be used, two whose videos have one name.
    """
    parameter = next((each for each in mode.parameters if each.holds == "clip"), None)
    if parameter is None:
        raise InputError("E-BATCH-CLIPLESS", "{mode} takes no clip: choose another mode", mode=mode.name)
    made: dict[Path, Row] = {}
    for number, clip in enumerate(clips, start=1):
        row = row_of(number, {**setting, "mode": mode.name, parameter.name: clip}, folder)
        if row.target in made:
            raise InputError(
                "E-BATCH-CLIPS-ALIKE",
                "{one} and {other} would both make {name}: give one of the clips another name",
                one=made[row.target].given[parameter.name],
                other=clip,
                name=row.target.name,
            )
        made[row.target] = row
    for said in dict.fromkeys(str(each) for row in made.values() for each in row.advice):
        warnings.warn(said, stacklevel=2)
    return list(made.values())
