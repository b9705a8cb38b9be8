"""Small files that change a model for a run: LoRA and textual inversion."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ppt2v.errors import InputError
from ppt2v.models.sources import locate

from .lora import Lora
from .textual_inversion import Inversion

_LORA_FILES = (
    "pytorch_lora_weights.safetensors",
    "paddle_lora_weights.safetensors",
    "paddle_lora_weights.pdparams",
    "pytorch_lora_weights.bin",
)
_INVERSION_FILES = ("learned_embeds.safetensors", "learned_embeds.pdparams", "learned_embeds.bin")


class Adapters(NamedTuple):
    """What a run adds to its model."""

    loras: tuple[Lora, ...] = ()
    inversions: tuple[Inversion, ...] = ()

    @property
    def mark(self) -> str:
        """Differs for different files, strengths and words; "" for none."""
        return " ".join(each.mark for each in (*self.loras, *self.inversions))

    def expand(self, text: str) -> str:
        """A prompt as the tokenizer takes it: with a token for each vector."""
        for inversion in self.inversions:
            text = inversion.expand(text)
        return text

    def check(self, prompts: Sequence[str]) -> None:
        """Raises InputError for the same word twice, and for a word that no prompt has."""
        tokens = [token.lower() for inversion in self.inversions for token in inversion.tokens]
        for inversion in self.inversions:
            if tokens.count(inversion.token.lower()) > 1:
                raise InputError(f"two textual inversions have the word {inversion.token!r}; rename one, as PATH:TOKEN")
            if not any(inversion.occurs(prompt) for prompt in prompts):
                raise InputError(
                    f"{inversion.file} would have no effect: its word {inversion.token!r} is in no prompt; write it "
                    "where it is meant, in the prompt or the negative prompt"
                )


def read(values: Mapping[str, Any]) -> Adapters:
    """The adapters that a run's parameters ask for; none in a mode without such parameters.

    Raises:
        InputError: a file that is missing or something else, or a strength that is no number.
    """
    loras = tuple(
        Lora(_located(path, _LORA_FILES, "LoRA"), _strength(text, strength))
        for text in values.get("lora", ())
        for path, strength in [_split(text)]
    )
    inversions = tuple(
        Inversion(_located(path, _INVERSION_FILES, "textual inversion"), token)
        for text in values.get("textual_inversion", ())
        for path, token in [_split(text)]
    )
    return Adapters(loras, inversions)


def as_texts(given: Any) -> list[str]:
    """What Python gives (texts, paths, pairs of a path and a strength or word) as recipes keep it: "PATH[:REST]"."""
    if isinstance(given, (str, Path)) or _is_pair(given):
        given = [given]
    return [":".join([locate.from_anywhere(path), *rest]) for path, *rest in map(_pieces, given)]


def named(texts: Sequence[str]) -> list[str]:
    """The paths and ids in texts of the form "PATH[:REST]"."""
    return [path for path, _ in map(_split, texts)]


def _is_pair(given: Any) -> bool:
    return isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], (int, float))


def _pieces(given: Any) -> Sequence[str]:
    if isinstance(given, (tuple, list)):
        return [str(piece) for piece in given]
    path, rest = _split(str(given))
    return [path] if rest is None else [path, rest]


def _split(text: str) -> tuple[str, str | None]:
    """A path or an id, and what follows it after a colon; the name of a file may have colons, and so may an id."""
    path, colon, rest = text.rpartition(":")
    whole = not colon or os.path.exists(os.path.expanduser(text))
    if whole or (set(rest) & set("/\\") and not os.path.exists(os.path.expanduser(path))):
        return text, None
    return path, rest


def _strength(text: str, strength: str | None) -> float:
    try:
        value = 1.0 if strength is None else float(strength)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"lora={text!r}: the rule is PATH or PATH:STRENGTH, with a number as in style.safetensors:0.8")
    return value


def _located(path: str, files: tuple[str, ...], what: str) -> Path:
    return locate.locate_file(path, files, f"{what} file")
