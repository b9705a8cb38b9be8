"""What a prompt says beside its words: how much each counts, and the windows in which a text encoder reads them.

Weights and windows are those of AUTOMATIC1111's web UI (``modules/prompt_parser.py``, ``modules/sd_hijack_clip.py``):
``(word)`` counts 1.1 times, ``((word))`` 1.1 * 1.1 times, ``[word]`` 1 / 1.1 times and ``(word:1.3)`` 1.3 times; a
backslash makes a bracket or a backslash an ordinary letter; ``BREAK`` begins another window. It differs in three
points: a bracket without its counterpart is an ordinary letter (there it weighs all that follows), a backslash in front
of anything else stays, and ``BREAK`` works within brackets too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator
from itertools import accumulate
from typing import NamedTuple

from ppt2v.errors import InputError

STRONGER, WEAKER = 1.1, 1 / 1.1
MOST = 10.0  # of a weight, in either direction
DEEPEST = 100  # brackets within each other
COMMA_REACH = 20  # tokens: a window that is full ends behind a comma that is no further away

_MARK = re.compile(
    r"\\[()\[\]\\] | [(\[\])] | :\s*(?P<weight>[+-]?(?:\d+\.?\d*|\.\d+))\s*\) | \s*\bBREAK\b\s*", re.VERBOSE
)


class Piece(NamedTuple):
    """A text and how much it counts."""

    text: str
    weight: float = 1.0


class Window(NamedTuple):
    """Token numbers that a text encoder reads together, without those of beginning and end, and their weights."""

    tokens: list[int]
    weights: list[float]


EMPTY = Window([], [])


def parse(prompt: str) -> list[list[Piece]]:
    """The pieces between one ``BREAK`` and the next; neighbours of the same weight are one piece.

    Raises:
        InputError: a weight beyond -10..10, alone or with those of the brackets around it; more than ``DEEPEST``
            brackets within each other.
    """
    marks = list(_MARK.finditer(prompt))
    pairs = _pairs(marks)
    _check_depth(pairs)
    brackets = {index for first, last, _ in pairs for index in (first, last)}
    weights = [1.0] * (len(marks) + 1)  # of the text in front of each mark, and behind the last one
    for first, last, factor in pairs:
        for place in range(first + 1, last + 1):
            weights[place] *= factor
    _check(weights)
    parts, position = [[]], 0
    for index, (mark, weight) in enumerate(zip(marks, weights)):
        parts[-1].append(Piece(prompt[position : mark.start()], weight))
        if mark[0].strip() == "BREAK":
            parts.append([])
        elif index not in brackets:
            parts[-1].append(Piece(mark[0][1:] if mark[0][0] == "\\" else mark[0], weight))
        position = mark.end()
    parts[-1].append(Piece(prompt[position:], weights[-1]))
    return [_merged(part) for part in parts]


def _pairs(marks: list[re.Match]) -> list[tuple[int, int, float]]:
    """The brackets that belong together, by their places among the marks, and the weight of what is between them."""
    opened, pairs = {"(": [], "[": []}, []
    for index, mark in enumerate(marks):
        if mark[0] in opened:
            opened[mark[0]].append(index)
        elif mark[0] == "]" and opened["["]:
            pairs.append((opened["["].pop(), index, WEAKER))
        elif mark[0][-1] == ")" and mark[0][0] != "\\" and opened["("]:
            pairs.append((opened["("].pop(), index, float(mark["weight"] or STRONGER)))
    return pairs


def _check_depth(pairs: list[tuple[int, int, float]]) -> None:
    ends = sorted(change for first, last, _ in pairs for change in ((first, 1), (last, -1)))
    deepest = max(accumulate((step for _, step in ends), initial=0))
    if deepest > DEEPEST:
        raise InputError(
            "E-PROMPT-DEPTH",
            "the prompt has {deepest} brackets within each other: the most is {most}; write \\( and \\) for brackets "
            "that are no weight",
            deepest=deepest,
            most=DEEPEST,
        )


def _check(weights: list[float]) -> None:
    extreme = next((weight for weight in weights if not abs(weight) <= MOST), None)
    if extreme is not None:
        raise InputError(
            "E-PROMPT-WEIGHT",
            "the prompt gives words a weight of {weight:g}: the rule is -{most:g} to {most:g}, as in (word:1.3); "
            "write \\( and \\) for brackets that are no weight",
            weight=extreme,
            most=MOST,
        )


def _merged(pieces: list[Piece]) -> list[Piece]:
    merged: list[Piece] = []
    for piece in pieces:
        if merged and merged[-1].weight == piece.weight:
            merged[-1] = Piece(merged[-1].text + piece.text, piece.weight)
        elif piece.text:
            merged.append(piece)
    return merged


def windows(
    prompt: str,
    tokenize: Callable[[str], list[int]],
    room: int,
    comma: int | None = None,
    continued: Container[int] = (),
) -> list[Window]:
    """A prompt in windows of up to ``room`` tokens; at least one.

    Args:
        prompt: as people write it.
        tokenize: the token numbers of a text, without those of beginning and end.
        room: tokens of a window, those of beginning and end left out.
        comma: the token of a comma. A window that is full ends behind the last one of ``COMMA_REACH`` tokens.
        continued: tokens that stay together with the one before them, as long as they fit into one window: the vectors
            of a textual inversion after the first.

    Raises:
        InputError: as ``parse``.
    """
    *before, last = (_part(part, tokenize, room, comma, continued) for part in parse(prompt))
    made = [window for part in before for window in part or [EMPTY]] + last
    return made or [EMPTY]


def _part(pieces: list[Piece], tokenize, room: int, comma: int | None, continued: Container[int]) -> list[Window]:
    """The windows of what stands between one ``BREAK`` and the next."""
    full: list[Window] = []
    window, last_comma = Window([], []), None
    for piece in pieces:
        for unit in _units(tokenize(piece.text), continued, room):
            if unit[0] == comma:
                last_comma = len(window.tokens)
            elif len(window.tokens) == room and last_comma is not None and room - last_comma <= COMMA_REACH:
                full.append(_slice(window, 0, last_comma + 1))
                window, last_comma = _slice(window, last_comma + 1, room), None
            if len(window.tokens) + len(unit) > room:
                full.append(window)
                window, last_comma = Window([], []), None
            window.tokens.extend(unit)
            window.weights.extend([piece.weight] * len(unit))
    return [*full, window] if window.tokens else full


def _units(tokens: list[int], continued: Container[int], room: int) -> Iterator[list[int]]:
    """What is not to be taken apart: a token with those that continue it, in pieces of a window's length."""
    starts = [place for place, token in enumerate(tokens) if place == 0 or token not in continued]
    for start, end in zip(starts, [*starts[1:], len(tokens)]):
        for place in range(start, end, room):
            yield tokens[place : min(place + room, end)]


def _slice(window: Window, start: int, end: int) -> Window:
    return Window(window.tokens[start:end], window.weights[start:end])
