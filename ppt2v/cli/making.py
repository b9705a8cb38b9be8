"""What the commands that make videos share: how many, how progress is told, and what is printed."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import typer

from ppt2v.errors import InputError
from ppt2v.modes import Mode
from ppt2v.modes.machine import MACHINE
from ppt2v.parameters import Parameter, resolve, shown
from ppt2v.progress import JsonLines

from .options import QUIET, describe

if TYPE_CHECKING:
    import numpy as np

_COLUMNS = 4  # frames of each video on the contact sheet
_PROGRESS = Parameter(
    "progress",
    str,
    "auto",
    "auto: bars on a terminal, lines elsewhere; json: a line of JSON for each step on standard output, and one with "
    "the path at the end.",
    choices=("auto", "json"),
)


@dataclass(frozen=True)
class Manner:
    """How videos are asked for, beside the parameters of their mode; the names are those of ``OPTIONS``."""

    quiet: bool = False
    progress: str | None = None
    count: int | None = None
    seeds: str | None = None

    @classmethod
    def taken_from(cls, values: dict[str, Any]) -> Manner:
        """That of these options, which are then no more among them."""
        return cls(**{field.name: values.pop(field.name) for field in fields(cls)})

    @property
    def for_programs(self) -> bool:
        """Whether what is printed is read by a program."""
        return _PROGRESS.check(self.progress or _PROGRESS.default) == "json"

    @property
    def several(self) -> bool:
        """Whether videos with different seeds are asked for."""
        return self.count is not None or self.seeds is not None


# Name, description and type of the options that make a ``Manner``, as ``options.sign`` takes them.
OPTIONS: list[tuple[str, Any, Any]] = [
    (
        "count",
        typer.Option(
            None,
            "-n",
            metavar="N",
            min=1,
            max=1000,
            help="Make so many videos, with this seed and those after it, and a contact sheet of them.",
        ),
        Optional[int],
    ),
    (
        "seeds",
        typer.Option(None, "--seeds", metavar="N,N,...", help="Make a video with each of these seeds, and the sheet."),
        Optional[str],
    ),
    ("quiet", QUIET, bool),
    describe("progress", [_PROGRESS]),
]


def make_videos(mode: Mode, values: Mapping[str, Any], manner: Manner, stem: str | None = None) -> None:
    """Makes the videos, and prints their paths.

    Args:
        values: parameters, some of which are the machine's.
        stem: the name of their files, where none is given.
    """
    names = [parameter.name for parameter in MACHINE]
    machine = resolve(MACHINE, {name: values.get(name) for name in names}, {})
    given = {name: value for name, value in values.items() if name not in names}
    make = _Maker(mode, machine, manner)
    if manner.several:
        _make_several(make, given, _seeds(mode, given, manner), stem)
    else:
        make(_into(_target(given, stem), given) if stem else given)


class _Maker:
    """Makes one video after the other with one model."""

    def __init__(self, mode: Mode, machine: Mapping[str, Any], manner: Manner):
        from ppt2v.model import Model

        self.mode, self._for_programs = mode, manner.for_programs
        self._model = Model(**machine, show_progress=not (manner.quiet or self._for_programs))

    def __call__(self, given: Mapping[str, Any]) -> None:
        """Makes a video and prints its path."""
        wanted: dict[str, Any] = {"callback": JsonLines()} if self._for_programs else {}
        self.print(path=self._model.run(self.mode.name, **given, **wanted))

    def print(self, **what: str) -> None:
        """Prints a path."""
        for path in what.values():
            typer.echo(json.dumps(what) if self._for_programs else path)


def _seeds(mode: Mode, given: Mapping[str, Any], manner: Manner) -> list[int]:
    """The seed of each video."""
    parameter = next((each for each in mode.parameters if each.name == "seed"), None)
    if parameter is None:
        raise InputError("E-SEEDS-MODE", "-n and --seeds: {mode} has no seed", mode=mode.name)
    if given.get("checkpoint_dir"):
        raise InputError("E-SEEDS-RESUME", "--resume and --checkpoint-dir go with one video: leave out -n and --seeds")
    if manner.seeds is None:
        return [parameter.check(seed) for seed in _counted(manner.count or 1, given.get("seed"))]
    if manner.count is not None or given.get("seed") is not None:
        raise InputError("E-SEEDS-TWICE", "--seeds says them all: leave out -n and --seed")
    return _listed(manner.seeds, parameter)


def _counted(count: int, first: int | None) -> range:
    """So many seeds from the first on, which is drawn if not given."""
    first = secrets.randbelow(2**31 - count) if first is None else first
    return range(first, first + count)


def _listed(text: str, parameter: Parameter) -> list[int]:
    """The seeds of a text with commas between them."""
    pieces = [piece.strip() for piece in text.split(",") if piece.strip()]
    seeds = [parameter.check(int(piece) if piece.isdecimal() else piece) for piece in pieces]
    if not seeds or len(set(seeds)) < len(seeds):
        raise InputError(
            "E-SEEDS",
            "--seeds={seeds}: the rule is different whole numbers with commas between, as 1,2,3",
            seeds=shown(text),
        )
    return seeds


def _make_several(make: _Maker, given: Mapping[str, Any], seeds: list[int], stem: str | None) -> None:
    from ppt2v import video

    targets = [_target(given, stem, f"-{seed}") for seed in seeds]
    sheet, rows = targets[0].with_name(f"{targets[0].stem}-sheet.png"), []
    for seed, target in zip(seeds, targets):
        make({**_into(target, given), "seed": seed})
        rows += _row(target, f"seed {seed}")
    make.print(sheet=str(video.contact_sheet(rows, sheet, _COLUMNS)))


def _target(given: Mapping[str, Any], stem: str | None, end: str = "") -> Path:
    """The file to write: that given, else one named by ``stem``; its name without the ending ends in ``end``."""
    from ppt2v import video
    from ppt2v.request.request import file_stem

    out, save_format = given.get("save_path"), given.get("save_format")
    if out is None:
        stem = stem or file_stem(given.get("prompt") or "")
        return video.output_file(None, save_format, video.shortened(stem, ending=end))
    path = Path(out)
    name, ending = (path.stem, path.suffix) if video.ending(path) else (path.name, "")
    return video.output_file(path.with_name(f"{name}{end}{ending}"), save_format, "")


def _into(target: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    """What is given for a video in this file, whose ending says the format."""
    return {**{name: value for name, value in given.items() if name != "save_format"}, "save_path": str(target)}


def _row(path: Path, words: str) -> list[np.ndarray]:
    """Some frames of a video, evenly spaced, the first with these words."""
    import numpy as np

    from ppt2v import video

    frames = video.read(path, multiple=1).frames
    chosen = frames[np.linspace(0, len(frames) - 1, _COLUMNS).round().astype(int)]
    return [*video.watermark(chosen[:1], words), *chosen[1:]]
