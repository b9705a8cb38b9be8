"""Values that change over a video, given at some of its frames: "0: this; 8: that"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from ppt2v.errors import InputError
from ppt2v.parameters import shown

_BEGIN = re.compile(r"(?:^|;)\s*(\d{1,9})\s*:")
_NEXT = re.compile(r";\s*\d{1,9}\s*:")


class Keyframe(NamedTuple):
    """A frame, counted from 0, and what is said of it."""

    frame: int
    text: str


def parse(name: str, text: str) -> list[Keyframe]:
    """The keyframes of a text; a semicolon that no number and colon follow belongs to what is said.

    Args:
        name: of the parameter.

    Raises:
        InputError: another form, or frames out of order.
    """
    begins = list(_BEGIN.finditer(text))
    ends = [*(begin.start() for begin in begins[1:]), len(text)]
    keys = [Keyframe(int(begin[1]), text[begin.end() : end].strip()) for begin, end in zip(begins, ends)]
    if not keys or begins[0].start() or not all(key.text for key in keys):
        raise InputError(
            "E-KEYFRAMES-FORM",
            "{name}={text} is not of the form FRAME: WHAT; FRAME: WHAT, with frames counted from 0",
            name=name,
            text=shown(text),
        )
    for before, after in pairwise(keys):
        if after.frame <= before.frame:
            raise InputError(
                "E-KEYFRAMES-ORDER",
                "{name}: frame {after} stands behind frame {before}; each keyframe comes later than the one before it",
                name=name,
                before=before.frame,
                after=after.frame,
            )
    return keys


def check_within(name: str, text: str) -> None:
    """Refuses what a keyframe is to say if, within it, another one would begin.

    Args:
        name: of the parameter that says it.
    """
    begin = _NEXT.search(text)
    if begin:
        raise InputError(
            "E-KEYFRAMES-WITHIN",
            "{name}={text}: with {begin!r} another keyframe would begin; write a comma instead of the semicolon",
            name=name,
            text=shown(text),
            begin=begin[0],
        )


def with_each(text: str, added: str) -> str:
    """Keyframes with something added that ``check_within`` takes, behind a comma, to what each says."""
    return "; ".join(f"{key.frame}: {key.text}, {added}" for key in parse("", text))


def spread(name: str, text: str, times: int) -> str:
    """The keyframes of a video whose frames have become ``times`` as many each; errors as those of ``parse``."""
    return "; ".join(f"{key.frame * times}: {key.text}" for key in parse(name, text))


def check_end(name: str, frames: Sequence[int], count: int) -> None:
    """Refuses keyframes, in order, that lie beyond the end of a video of ``count`` frames."""
    if frames[-1] >= count:
        raise InputError(
            "E-KEYFRAMES-END",
            "{name}: frame {frame} lies beyond the last one, {last}; give an earlier keyframe, or a video of at least "
            "{needed} frames",
            name=name,
            frame=frames[-1],
            last=count - 1,
            needed=frames[-1] + 1,
        )


def position(frames: Sequence[int], frame: float) -> tuple[int, float]:
    """The keyframe, by its place, at or before a frame, and the part of the way to the next one, 0..1.

    Before the first keyframe and behind the last one nothing changes.
    """
    place = max(sum(key <= frame for key in frames) - 1, 0)
    if place + 1 == len(frames) or frame < frames[0]:
        return place, 0.0
    start, end = frames[place : place + 2]
    return place, (frame - start) / (end - start)


def as_text(name: str, value: Any) -> Any:
    """Keyframes given as a list of mappings with "frame", in the form of a text; all else as it is.

    What a mapping says beside its frame is written as NAME VALUE, lists as their members; of "prompt" the value alone.

    Args:
        name: of the parameter.

    Raises:
        InputError: as ``check_within``.
    """
    if not isinstance(value, (list, tuple)) or not all(isinstance(key, Mapping) and "frame" in key for key in value):
        return value
    keys = [f"{key['frame']}: {' '.join(_words(key))}" for key in value]
    for key in keys:
        check_within(name, key)
    return "; ".join(keys)


def _words(key: Mapping[str, Any]) -> Iterator[str]:
    for name, value in key.items():
        if name not in ("frame", "prompt"):
            yield str(name)
        if name != "frame":
            yield from map(str, value if isinstance(value, (list, tuple)) else [value])
