"""Textual inversion (arXiv 2208.01618): words that files of a few vectors add to a text encoder."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ppt2v.cache import fingerprint
from ppt2v.errors import InputError
from ppt2v.models.formats import reading

# Keys under which AUTOMATIC1111's web UI keeps the vectors: in a pickle's "string_to_param", in a .safetensors.
_NAMELESS = ("*", "emb_params")
_EMBEDDING = "token_embedding.weight"  # how the name ends of the weight that has a row for each token


class Inversion:
    """A textual inversion file and the word that stands for it in prompts.

    Args:
        file: in diffusers' form (one vector or several under the word), or in that of AUTOMATIC1111's web UI.
        token: the word; None: that of the file, or the file's name where it has none.

    Raises:
        InputError: the file cannot be read or holds anything else, or the word has a space in it.
    """

    def __init__(self, file: Path, token: str | None = None):
        self.file = file
        name, vectors = _read(file)
        self.token = (token or name).lower()  # as CLIP's tokenizer reads every text
        self.vectors = np.atleast_2d(reading.widen(vectors)).astype(np.float32)
        if self.vectors.ndim != 2 or not re.fullmatch(r"\S+", self.token):
            raise InputError(
                f"{file}: vectors {list(vectors.shape)} for the word {self.token!r}; the rule is "
                "[width] or [number, width], and a word without spaces, given as PATH:TOKEN"
            )

    @property
    def mark(self) -> str:
        """Differs for different files and words."""
        return f"{fingerprint(self.file)} {self.token}"

    @property
    def tokens(self) -> list[str]:
        """One for each vector: the word, the word with _1, ..."""
        return [self.token, *(f"{self.token}_{number}" for number in range(1, len(self.vectors)))]

    def expand(self, text: str) -> str:
        """The prompt with all tokens where the word stands, in whatever case; brackets in a word are no weights."""
        tokens = re.sub(r"([()\[\]\\])", r"\\\1", " ".join(self.tokens))
        return self._pattern.sub(lambda _: tokens, text)

    def occurs(self, text: str) -> bool:
        """Whether the word stands in a text."""
        return bool(self._pattern.search(text))

    @property
    def _pattern(self) -> re.Pattern:
        return re.compile(rf"(?<!\w){re.escape(self.token)}(?!\w)", re.IGNORECASE)


def _read(file: Path) -> tuple[str, np.ndarray]:
    tensors = reading.read(file).tensors
    if len(tensors) != 1:
        raise InputError(
            f"{file} is no textual inversion for one text encoder: it holds {len(tensors)} tensors "
            f"({', '.join(list(tensors)[:4])}) instead of one"
        )
    [(name, vectors)] = tensors.items()
    return (file.stem if name in _NAMELESS else name), vectors


def add_tokens(tokenizer, inversions: tuple[Inversion, ...], width: int) -> dict[int, np.ndarray]:
    """Teaches the words to a tokenizer; returns the vectors by the numbers of their tokens.

    Args:
        width: numbers in a row of the text encoder's embedding.

    Raises:
        InputError: vectors of another width, or a word that is already one of the tokenizer's.
    """
    rows = {}
    tokenizer.verbose = False  # else it announces every word
    for inversion in inversions:
        if inversion.vectors.shape[1] != width:
            raise InputError(
                f"{inversion.file} is for a text encoder of another family: its vectors have "
                f"{inversion.vectors.shape[1]} numbers instead of {width}; give one made for a model of this family"
            )
        for token, vector in zip(inversion.tokens, inversion.vectors):
            if _knows(tokenizer, f"{token}</w>") or not tokenizer.add_tokens([token]):
                raise InputError(
                    f"{inversion.file}: {token!r} is a word that the model has already; give another, such as "
                    f"{inversion.file}:<{token}>"
                )
            rows[tokenizer.convert_tokens_to_ids(token)] = vector
    return rows


def _knows(tokenizer, token: str) -> bool:
    return tokenizer.convert_tokens_to_ids(token) != tokenizer.convert_tokens_to_ids(tokenizer.unk_token)


def with_rows(loaded: reading.WeightFile, rows: dict[int, np.ndarray], vocabulary: int) -> reading.WeightFile:
    """The weights of a text encoder with these rows in its embedding, which has ``vocabulary`` rows then."""

    def extended(weight: np.ndarray) -> np.ndarray:
        table = np.zeros((vocabulary, weight.shape[1]), np.float32)
        table[: len(weight)] = reading.widen(weight)
        table[list(rows)] = list(rows.values())
        return table

    tensors = {name: extended(array) if name.endswith(_EMBEDDING) else array for name, array in loaded.tensors.items()}
    return loaded._replace(tensors=tensors)
