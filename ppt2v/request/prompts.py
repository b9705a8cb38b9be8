"""What can be said of a run's prompts before anything is loaded: what they must not hold, and what will not help."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from itertools import chain
from typing import Any

from ppt2v.errors import InputError
from ppt2v.language import Message
from ppt2v.models.adapters.adapters import Adapters
from ppt2v.models.layouts.json_files import read_json
from ppt2v.models.sources import locate
from ppt2v.pipelines.planning import travel
from ppt2v.pipelines.planning.prompts import parse

from . import other_syntax

_PROMPTS = ("prompt", "a_prompt", "n_prompt", "prompt_2", "n_prompt_2")
_TAG = re.compile(r"<(?:lora|lyco):([^:<>]+)(?::([^<>]*))?>", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")


def texts(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The prompts of a run that say anything, each with the name of its parameter.

    Raises:
        InputError: as ``travel.parse``.
    """
    said = [(name, values[name]) for name in _PROMPTS if values.get(name)]
    if not values.get(travel.NAME):
        return said
    return said + [(travel.NAME, text) for text in travel.parse(values["prompt"], values[travel.NAME]).texts]


def check(values: Mapping[str, Any]) -> None:
    """Refuses weights that are none, and LoRA that is asked for within a prompt.

    Raises:
        InputError: as ``planning.prompts.parse``, or for such a tag, with how it is given here.
    """
    for name, prompt in texts(values):
        tag = _TAG.search(prompt)
        if tag:
            strength = f":{tag[2]}" if tag[2] else ""
            given = f"{tag[1]}.safetensors{strength}"
            raise InputError(
                "E-PROMPT-LORA",
                "{name} has {tag}: a LoRA is given by its file beside the prompt, as --lora {given} or in Python "
                "lora={given!r}; take it out of the prompt",
                name=name,
                tag=tag[0],
                given=given,
            )
        parse(prompt)


def advice(values: Mapping[str, Any], adapters: Adapters) -> list[Message]:
    """What the person should know of the prompts of a run before it takes time; mostly nothing.

    Args:
        values: of the run's parameters.
        adapters: the small files that change the model.
    """
    foreign = [each for name, text in texts(values) for each in other_syntax.advice(name, text)]
    if not all(_is_english(text) for _, text in texts(values)):
        return [
            *foreign,
            Message("N-PROMPT-LANGUAGE", "the model was trained on English texts only: write the prompt in English"),
        ]
    unknown, known = _words_of_embedded(values, adapters)
    if not unknown:
        return foreign
    return [
        *foreign,
        Message(
            "N-PROMPT-WORDS",
            "the model that ships with ppt2v knows no: {unknown}; it knows {known}",
            unknown=unknown,
            known=known,
        ),
    ]


def _is_english(prompt: str) -> bool:
    """Whether it is written in Latin letters; more cannot be told from a few words."""
    return all("LATIN" in unicodedata.name(letter, "") for letter in prompt if letter.isalpha())


def _words_of_embedded(values: Mapping[str, Any], adapters: Adapters) -> tuple[list[str], str]:
    """The words of the prompt that an embedded model does not know, and those that it knows; with a LoRA it may know
    any."""
    folder = locate.locate(values["model_name"]) if locate.is_embedded(values["model_name"]) else None
    if folder is None or adapters.loras or not (folder / "words.json").exists():
        return [], ""
    groups = read_json(folder / "words.json")  # of "more" only the words count
    phrases = [*chain(*groups.values()), *(each.word for each in adapters.inversions)]
    taught = {word for phrase in phrases for word in _words(phrase)}
    shown = [text for name, text in texts(values) if name in ("prompt", travel.NAME)]
    text = " ".join(piece.text for prompt in shown for part in parse(prompt) for piece in part)
    unknown = [word for word in dict.fromkeys(_words(text)) if word not in taught]
    return unknown, "; ".join(", ".join(named) for group, named in groups.items() if group != "more")


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())
