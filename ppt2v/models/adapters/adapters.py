"""What changes a model for a run: LoRA, textual inversion, motion modules."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from ppt2v.errors import InputError
from ppt2v.language import Message, words
from ppt2v.models.sources import locate

from . import motion, textual_inversion
from .layer_names import LayerNames
from .lora import Lora
from .merging import Merge
from .motion import MotionModules
from .textual_inversion import Inversion

_LORA_FILES = (
    "pytorch_lora_weights.safetensors",
    "paddle_lora_weights.safetensors",
    "paddle_lora_weights.pdparams",
    "pytorch_lora_weights.bin",
    "adapter_model.safetensors",
    "adapter_model.bin",
)
_INVERSION_FILES = ("learned_embeds.safetensors", "learned_embeds.pdparams", "learned_embeds.bin")


class Adapters(NamedTuple):
    """What a run adds to its model: ``read`` opens the files, once; all else is answered from here."""

    loras: tuple[Lora, ...] = ()
    inversions: tuple[Inversion, ...] = ()
    motion: MotionModules | None = None

    @property
    def words(self) -> tuple[Inversion, ...]:
        """The textual inversions that were given, and those that lie in LoRA files."""
        return *self.inversions, *chain.from_iterable(lora.words for lora in self.loras)

    @property
    def mark(self) -> str:
        """Differs for different files, strengths and words; "" for none."""
        modules = () if self.motion is None else (self.motion,)
        files: tuple[Lora | Inversion | MotionModules, ...] = *self.loras, *self.inversions, *modules
        return " ".join(each.mark for each in files)

    def check(self, prompts: Sequence[str]) -> None:
        """Raises InputError for the same word twice, and for a textual inversion of which no prompt has a word."""
        words = [inversion.word for inversion in self.words]
        twice = next((word for word in words if words.count(word) > 1), None)
        if twice:
            raise InputError(
                "E-INVERSION-SAME-WORD",
                "two textual inversions have the word {word!r}; rename one, as PATH:WORD",
                word=twice,
            )
        used = {inversion.file for inversion in self.inversions for text in prompts if inversion.occurs(text)}
        for inversion in self.inversions:
            if inversion.file not in used:
                raise InputError(
                    "E-INVERSION-UNUSED",
                    "{file} would have no effect: its word {word!r} is in no prompt; write it where it is meant, in "
                    "the prompt or the negative prompt",
                    file=inversion.file,
                    word=inversion.word,
                )

    def expand(self, text: str) -> str:
        """A prompt as the tokenizer takes it: with a token for each vector."""
        return textual_inversion.expanded(text, self.words)

    def merges(self, networks: Mapping[str, Any]) -> dict[str, Merge]:
        """What the LoRA files add to each of the networks, which are named as in ``layer_names``.

        Raises:
            InputError: parts of a file fit no layer, by name or shape.
        """
        if not self.loras:
            return {}
        names = LayerNames(networks)
        found: dict[str, dict[str, list]] = {part: {} for part in networks}
        marks: dict[str, list[str]] = {part: [] for part in networks}
        for lora in self.loras:
            fitted = lora.fit(names)
            for (part, weight), changes in fitted.items():
                found[part].setdefault(weight, []).extend((change, lora.strength) for change in changes)
            for part in {part for part, _ in fitted}:
                marks[part].append(lora.mark)
        return {part: Merge(changes, " ".join(marks[part])) for part, changes in found.items() if changes}


def read(values: Mapping[str, Any]) -> Adapters:
    """The adapters that a run's parameters ask for; none in a mode without such parameters.

    Motion modules are large: what this machine lacks of them is left for ``motion.read`` to download.

    Raises:
        InputError: a file that is missing or something else, or a strength that is no number.
    """
    loras = (
        Lora(_located(path, _LORA_FILES, words("LoRA file")), _strength(text, strength))
        for text in values.get("lora", ())
        for path, strength in [_split(text)]
    )
    inversions = (
        textual_inversion.read(_located(path, _INVERSION_FILES, words("textual inversion file")), word)
        for text in values.get("textual_inversion", ())
        for path, word in [_split(text)]
    )
    name = values.get("motion_module")
    modules = None if name is None or locate.missing_from(name) else motion.read(name)
    return Adapters(tuple(loras), tuple(chain.from_iterable(inversions)), modules)


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
        raise InputError(
            "E-LORA-FORM",
            "lora={text!r}: the rule is PATH or PATH:STRENGTH, with a number as in style.safetensors:0.8",
            text=text,
        )
    return value


def _located(path: str, files: tuple[str, ...], what: Message) -> Path:
    return locate.locate_file(path, files, what)
