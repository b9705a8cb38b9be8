"""Damages texts, JSON values and bytes, at random."""

from __future__ import annotations

import copy
import json
from random import Random
from typing import Any

ODD_VALUES = (None, True, False, 0, -1, 1.5, 10**9, 2**63, 10**400, 1e308, "", "x", "\ud800", [], [None], {}, {"a": []})


def value(random: Random, given: Any) -> Any:
    """The value with one thing in it changed: another value, one less, or one more."""
    given = copy.deepcopy(given)
    holder, key = random.choice(list(_places(given))) if isinstance(given, (dict, list)) and given else (None, None)
    if holder is None:
        return random.choice(ODD_VALUES)
    way = random.randrange(4)
    if way == 0:
        del holder[key]
    elif way == 1 and isinstance(holder, dict):
        holder[random.choice(["extra", "", "a" * 1000, "\u202e"])] = holder[key]
    elif way == 2 and isinstance(holder[key], (int, float)) and not isinstance(holder[key], bool):
        holder[key] = random.choice([-holder[key], holder[key] * 10**6, holder[key] + 1, float(holder[key]) / 3])
    else:
        holder[key] = random.choice(ODD_VALUES)
    return given


def _places(given: Any):
    """Every place in a value: what holds it, and its key."""
    for key, inner in list(given.items()) if isinstance(given, dict) else list(enumerate(given)):
        yield given, key
        if isinstance(inner, (dict, list)):
            yield from _places(inner)


def text(random: Random, given: str) -> bytes:
    """The text as a damaged file: cut, repeated, in another encoding, or with something put in."""
    encoded = given.encode("utf-8", "surrogatepass")
    at = random.randrange(len(encoded) + 1)
    put_in = random.choice(
        [b"\0", b"\xff", b"{", b"]", b'"', b"\n", b": ", b"&a *a", b"- ", b"\t", "\u2028".encode(), b"!!x "]
    )
    return random.choice(
        [
            b"",
            encoded[:at],
            encoded[:at] + put_in + encoded[at:],
            encoded + encoded,
            given.encode("utf-16", "surrogatepass"),
            b"[" * 50_000,
            b'{"a":' * 50_000,
            b"\xef\xbb\xbf" + encoded[:at],
            b"\0" * len(encoded),
        ]
    )


def json_file(random: Random, given: Any) -> bytes:
    """A JSON file that holds another value, or is damaged."""
    if random.random() < 0.7:
        return json.dumps(value(random, given)).encode("utf-8", "surrogatepass")
    return text(random, json.dumps(given))


def binary(random: Random, given: bytes) -> bytes:
    """The bytes, cut or with some of them changed, mostly in front, where headers are."""
    at = random.choice([random.randrange(len(given)), random.randrange(min(200, len(given)))])
    length = random.choice([1, 8, 100])
    return random.choice(
        [
            b"",
            given[:at],
            given[:at] + random.randbytes(length) + given[at + length :],
            given[:at] + b"\xff" * length + given[at + length :],
            given[:at] + given[at + length :],
            given + random.randbytes(length),
            b"\xff" * 8 + given[8:],
            random.randbytes(200),
            b"PK\x03\x04" + given[4:],
            b"\x80\x02" + given[2:],
        ]
    )
