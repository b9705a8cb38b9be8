"""Textual inversion (arXiv 2208.01618): words that files of a few vectors add to a text encoder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ppt2v.cache import fingerprint
from ppt2v.errors import InputError
from ppt2v.language import both, words
from ppt2v.models.formats import reading
from ppt2v.models.formats.dtypes import widen
from ppt2v.models.layouts import contents

from . import origin

# Names of vectors whose word is the name of the file, in pickles of AUTOMATIC1111's web UI and in .safetensors.
_NAMELESS = ("*", "emb_params", "clip_l")
# Names of the vectors for each text encoder of Stable Diffusion XL, by the programs that write them; and of those for
# the third one of Stable Diffusion 3.
_BOTH = (("clip_l", "clip_g"), ("text_encoders_0", "text_encoders_1"))
_THIRD_ENCODER = "t5xxl"
_LISTED = 4
_MOST_VECTORS = 75  # that a prompt takes
_BRACKETED, _SPECIAL = re.compile(r"<[\w-]+>"), re.compile(r"[^\w-]")
_EMBEDDING = "token_embedding.weight"  # how the name ends of the weight that has a row for each token


class Inversion:
    """A word and the vectors that stand for it.

    Args:
        file: where it comes from.
        word: as it is written in prompts, in whatever case; spaces within are allowed.
        vectors: ``[width]`` or ``[number, width]``, for each text encoder of the model.

    Raises:
        InputError: vectors of another shape, too many, or with numbers that are not finite; a word without letters.
    """

    def __init__(self, file: Path, word: str, *vectors: np.ndarray):
        self.file = file
        self.word = " ".join(word.split()).lower()  # as CLIP's tokenizer reads every text
        self._fingerprint = fingerprint(file)
        self.encoders = [self._checked(each) for each in vectors]
        if len({len(each) for each in self.encoders}) > 1:
            raise InputError(
                "E-INVERSION-NUMBERS",
                "{file}: the word {word!r} has {numbers} vectors for the text encoders; the rule is as many for each",
                file=file,
                word=self.word,
                numbers=both(str(len(each)) for each in self.encoders),
            )

    @property
    def vectors(self) -> np.ndarray:
        """``[number, width]``, for the first text encoder."""
        return self.encoders[0]

    def _checked(self, vectors: np.ndarray) -> np.ndarray:
        if vectors.ndim not in (1, 2) or not 0 < len(np.atleast_2d(vectors)) <= _MOST_VECTORS or not self.word:
            raise InputError(
                "E-INVERSION-VECTORS",
                "{file}: vectors {shape} for the word {word!r}; the rule is [width] or [number, width], with at most "
                "{most_vectors}, and a word, given as PATH:WORD",
                file=self.file,
                shape=str(list(vectors.shape)),
                word=self.word,
                most_vectors=_MOST_VECTORS,
            )
        rows = np.atleast_2d(widen(vectors)).astype(np.float32)
        if not np.isfinite(rows).all():
            raise InputError(
                "E-INVERSION-INFINITE",
                "{file}: the vectors of {word!r} are not finite; the training failed",
                file=self.file,
                word=self.word,
            )
        return rows

    @property
    def family(self) -> str | None:
        """The family of models that the vectors were made for, as their number and widths say."""
        if len(self.encoders) > 1:
            return origin.XL
        return origin.WIDTHS.get(self.vectors.shape[1])

    @property
    def mark(self) -> str:
        """Differs for different files and words."""
        return f"{self._fingerprint} {self.word}"

    @property
    def tokens(self) -> list[str]:
        """One for each vector: <word>, <word>_1, ...

        They have no brackets but these, which would be weights, and have these, since tokenizers find tokens that were
        added within words, too.
        """
        token = self.word if _BRACKETED.fullmatch(self.word) else f"<{re.sub(_SPECIAL, '_', self.word)}>"
        return [token, *(f"{token}_{number}" for number in range(1, len(self.vectors)))]

    def occurs(self, text: str) -> bool:
        """Whether the word stands in a text."""
        return bool(_pattern([self]).search(text))


def expanded(text: str, inversions: Sequence[Inversion]) -> str:
    """A prompt with all tokens where a word stands, in whatever case; of words that overlap, the longest counts."""
    longest_first = sorted(inversions, key=lambda inversion: len(inversion.word), reverse=True)

    def tokens(found: re.Match) -> str:
        return next(" ".join(each.tokens) for each, part in zip(longest_first, found.groups()) if part)

    return _pattern(longest_first).sub(tokens, text) if inversions else text


def _pattern(inversions: Sequence[Inversion]) -> re.Pattern:
    """Finds any of the words; the number of the group says which."""
    words = "|".join(r"(" + r"\s+".join(map(re.escape, inversion.word.split())) + ")" for inversion in inversions)
    return re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE)


def read(file: Path, word: str | None = None) -> list[Inversion]:
    """The words of a textual inversion file: of diffusers, AUTOMATIC1111's web UI, kohya's scripts, the first code.

    Args:
        word: for a file with one; None: that of the file, or the file's name where it has none.

    Raises:
        InputError: the file cannot be read or holds anything else.
    """
    tensors = reading.read(file).tensors
    if _THIRD_ENCODER in tensors:
        raise _for_others(file, origin.SD3, list(tensors.values()), origin.SD1)
    pair = next((names for names in _BOTH if set(names) == set(tensors)), None)
    if pair:
        return [Inversion(file, word or file.stem, *(tensors[name] for name in pair))]
    what = contents.describe(tensors)
    if what not in (contents.INVERSION, contents.UNKNOWN):
        raise InputError(
            "E-INVERSION-OTHER-USE",
            "{file} is no textual inversion but {held}: {use}",
            file=file,
            held=what,
            use=contents.use(tensors),
        )
    if not tensors or any(array.ndim > 2 for array in tensors.values()):
        held = ", ".join(f"{name} {list(array.shape)}" for name, array in list(tensors.items())[:_LISTED])
        raise InputError(
            "E-INVERSION-NONE",
            "{file} is no textual inversion: it holds {held}; give [width] or [number, width]",
            file=file,
            held=held or words("nothing"),
        )
    if word and len(tensors) > 1:
        raise InputError(
            "E-INVERSION-SEVERAL",
            "{file} holds {count} words ({words}); give it without a word of its own",
            file=file,
            count=len(tensors),
            words=tensors,
        )
    return [
        Inversion(file, word or (file.stem if name in _NAMELESS else name), vectors)
        for name, vectors in tensors.items()
    ]


def check_encoders(inversions: Sequence[Inversion], encoders: int) -> None:
    """Raises InputError for vectors that are not for so many text encoders."""
    for inversion in inversions:
        if len(inversion.encoders) > encoders:
            raise _for_others(inversion.file, origin.XL, inversion.encoders, origin.SD1)
        if len(inversion.encoders) < encoders:
            raise InputError(
                "E-INVERSION-ONE-ENCODER",
                "{file} is a textual inversion for a model with one text encoder ({family}), and the model has two; "
                "give one made for {wanted}, with the vectors clip_l and clip_g",
                file=inversion.file,
                family=origin.WIDTHS.get(inversion.vectors.shape[1], words("not Stable Diffusion XL")),
                wanted=origin.XL,
            )


def _for_others(file: Path, family: str, vectors: Sequence[np.ndarray], wanted: str) -> InputError:
    return InputError(
        "E-INVERSION-ENCODERS",
        "{file} is a textual inversion for {family}, which has several text encoders ({shapes}); give one made for "
        "{here}",
        file=file,
        family=family,
        shapes=[str(list(each.shape)) for each in vectors],
        here=wanted,
    )


def check_new(tokenizer, inversions: Sequence[Inversion]) -> None:
    """Raises InputError for words that a tokenizer has already."""
    for inversion in inversions:
        if _knows(tokenizer, f"{inversion.word}</w>"):
            alone = [each.file for each in inversions].count(inversion.file) == 1
            another = words("another, such as {example}", example=f"{inversion.file}:<{inversion.word}>")
            raise InputError(
                "E-INVERSION-KNOWN-WORD",
                "{file}: {word!r} is a word that the model has already; give {advice}",
                file=inversion.file,
                word=inversion.word,
                advice=another if alone else words("it in a file of its own"),
            )


def add_tokens(tokenizer, inversions: Sequence[Inversion], width: int, encoder: int = 0) -> dict[int, np.ndarray]:
    """Teaches the words to a tokenizer; returns the vectors by the numbers of their tokens.

    Args:
        width: numbers in a row of the text encoder's embedding.
        encoder: which text encoder of the model it is, from 0 on.

    Raises:
        InputError: vectors of another width, or the same word twice.
    """
    rows = {}
    tokenizer.verbose = False  # else it announces every word
    for inversion in inversions:
        vectors = inversion.encoders[encoder]
        own = vectors.shape[1]
        if own != width:
            family = words(", {family}", family=origin.WIDTHS[own]) if own in origin.WIDTHS else ""
            raise InputError(
                "E-INVERSION-WIDTH",
                "{file} is for a text encoder of another family{family}: its vectors have {numbers} numbers instead "
                "of {width}; give one made for {wanted}",
                file=inversion.file,
                family=family,
                numbers=own,
                width=width,
                wanted=origin.WIDTHS.get(width) or words("this model"),
            )
        for token, vector in zip(inversion.tokens, vectors):
            if not tokenizer.add_tokens([token]):
                raise InputError(
                    "E-INVERSION-TAKEN-WORD",
                    "{file}: another file has the word {word!r}, too; leave one out",
                    file=inversion.file,
                    word=inversion.word,
                )
            rows[tokenizer.convert_tokens_to_ids(token)] = vector
    return rows


def _knows(tokenizer, token: str) -> bool:
    return tokenizer.convert_tokens_to_ids(token) != tokenizer.convert_tokens_to_ids(tokenizer.unk_token)


def with_rows(loaded: reading.WeightFile, rows: dict[int, np.ndarray], vocabulary: int) -> reading.WeightFile:
    """The weights of a text encoder with these rows in its embedding, which has ``vocabulary`` rows then."""

    def extended(weight: np.ndarray) -> np.ndarray:
        table = np.zeros((vocabulary, weight.shape[1]), np.float32)
        table[: len(weight)] = widen(weight)
        table[list(rows)] = list(rows.values())
        return table

    tensors = {name: extended(array) if name.endswith(_EMBEDDING) else array for name, array in loaded.tensors.items()}
    return loaded._replace(tensors=tensors)
