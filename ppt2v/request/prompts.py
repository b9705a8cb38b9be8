"""What can be said of a run's prompts before anything is loaded: what they must not hold, and what will not help."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ppt2v.errors import InputError
from ppt2v.models.adapters import adapters
from ppt2v.models.sources import locate
from ppt2v.pipelines.planning.prompts import parse

PROMPTS = ("prompt", "a_prompt", "n_prompt")
_TAG = re.compile(r"<(?:lora|lyco):([^:<>]+)(?::([^<>]*))?>", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")
_ENGLISH = "the model was trained on English texts only: write the prompt in English"


def check(values: Mapping[str, Any]) -> None:
    """Refuses weights that are none, and LoRA that is asked for within a prompt.

    Raises:
        InputError: as ``planning.prompts.parse``, or for such a tag, with how it is given here.
    """
    for name in PROMPTS:
        prompt = values.get(name) or ""
        tag = _TAG.search(prompt)
        if tag:
            strength = f":{tag[2]}" if tag[2] else ""
            given = f"{tag[1]}.safetensors{strength}"
            raise InputError(
                f"{name} has {tag[0]}: a LoRA is given by its file beside the prompt, as --lora {given} or in Python "
                f"lora={given!r}; take it out of the prompt"
            )
        parse(prompt)


def advice(values: Mapping[str, Any]) -> list[str]:
    """What the person should know of the prompts of a run before it takes time, a line for each; mostly nothing.

    Args:
        values: as ``request.checked`` gives them.
    """
    if not all(map(_is_english, (values.get(name) or "" for name in PROMPTS))):
        return [_ENGLISH]
    unknown = _unknown_words(values)
    return [unknown] if unknown else []


def _is_english(prompt: str) -> bool:
    """Whether it is written in Latin letters; more cannot be told from a few words."""
    return all("LATIN" in unicodedata.name(letter, "") for letter in prompt if letter.isalpha())


def _unknown_words(values: Mapping[str, Any]) -> str | None:
    """The words of the prompt that an embedded model does not know; None where it knows them all, or a LoRA may."""
    if not locate.is_embedded(values["model_name"]) or values.get("lora"):
        return None
    groups = _words_of(locate.locate(values["model_name"]))
    known = {word for phrases in groups.values() for phrase in phrases for word in _words(phrase)}
    known |= {word for each in adapters.read(values).inversions for word in _words(each.token)}
    text = " ".join(piece.text for part in parse(values["prompt"]) for piece in part)
    unknown = [word for word in dict.fromkeys(_words(text)) if word not in known]
    if not unknown:
        return None
    knows = "; ".join(", ".join(phrases) for group, phrases in groups.items() if group != "more")
    return f"the model that ships with ppt2v knows no: {', '.join(unknown)}; it knows {knows}"


def _words_of(folder: Path) -> dict[str, list[str]]:
    """What an embedded model was taught, in groups; of "more" only the words count."""
    return json.loads((folder / "words.json").read_text(encoding="utf-8"))


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())
