"""The files outside its recipe on which a video depends: which they are, and whether they are still the same."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ppt2v.cache import fingerprint
from ppt2v.models.adapters import adapters
from ppt2v.models.sources import locate
from ppt2v.modes import Mode
from ppt2v.parameters import holding
from ppt2v.request.guides import guides
from ppt2v.video.overlay import names_image

_NO_PART = (".md", ".txt", ".lock", ".gitattributes")  # of what a model computes


def named(mode: Mode, values: Mapping[str, Any]) -> list[str]:
    """Paths and ids of clips, models and other files on which a video depends, but for what ships with ppt2v.

    Args:
        values: of all parameters of the mode.
    """
    decisive = [each for each in mode.parameters if each.decides != "nothing"]
    texts = [values[name] for name in holding(decisive, "clip", "model", "still", "file")]
    texts += [values[name] for name in holding(mode.parameters, "picture") if names_image(values[name] or "")]
    for name in holding(mode.parameters, "adapter"):
        texts += adapters.named(values[name])
    texts += [guide.model for guide in guides(mode, values)]
    return [text for text in dict.fromkeys(texts) if text and not locate.is_embedded(text)]


def fingerprints(mode: Mode, values: Mapping[str, Any]) -> dict[str, str]:
    """What tells apart the contents of what is ``named``, by the last part of each name; only of what is there."""
    places = {text: _place(text) for text in named(mode, values)}
    return {_called(text): _fingerprint(place) for text, place in places.items() if place is not None}


def changed(mode: Mode, values: Mapping[str, Any], recorded: Mapping[str, str]) -> list[str]:
    """Of what is ``named`` that of which others were recorded than are there now, by name."""
    now = fingerprints(mode, values)
    return [name for name, found in now.items() if recorded.get(name, found) != found]


def _called(text: str) -> str:
    return Path(text).name if os.path.isabs(text) else text


def _place(text: str) -> Path | None:
    """The file or folder of that name, where it is on this machine."""
    if not locate.is_id(text):
        path = Path(os.path.expanduser(text))
        return path if path.exists() else None
    return locate.cached_place(text)


def _fingerprint(place: Path) -> str:
    files = [place] if place.is_file() else sorted(file for file in place.rglob("*") if file.is_file())
    parts = (file for file in files if file.suffix not in _NO_PART and not file.name.startswith("."))
    digest = hashlib.sha256()
    for file in parts:
        name = file.relative_to(place).as_posix()
        digest.update(f"{name} {fingerprint(file)}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()[:16]
