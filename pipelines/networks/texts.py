"""Texts as the networks take them: encoded window by window, with weighted words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import paddle

from ppt2v.engine import Runner
from ppt2v.pipelines.planning.prompts import EMPTY, Window, windows

# An encoder whose numbers have a mean this small, in standard deviations, has none that could be restored.
_NO_MEAN = 0.02


class Encoded(NamedTuple):
    """Texts token by token, ``[texts, windows * length, channels]``; and as a whole, ``[texts, channels]``, where the
    encoder makes that."""

    tokens: paddle.Tensor
    whole: paddle.Tensor | None


def encode_texts(encode: Runner, tokenizer, texts: Sequence[str], length: int) -> Encoded:
    """Texts in the syntax of ``planning.prompts``.

    Shorter texts are filled up with windows of no words. The numbers of a word are multiplied by its weight; then those
    of its window by one number, so that their mean is as before (AUTOMATIC1111's "original" emphasis). That is left out
    where the encoder's numbers have no mean to speak of, within 0.02 standard deviations of 0. As a whole, a text is
    what its first window is, whatever the weights.

    Args:
        encode: a ``programs.TextEncoder`` or ``two_encoders.LayerBeforeLast``.
        tokenizer: a CLIPTokenizer.
        length: tokens that the encoder reads at once, those of beginning and end included.

    Raises:
        InputError: as ``planning.prompts.parse``.
    """
    comma, continued = tokenizer.convert_tokens_to_ids(",</w>"), _continued(tokenizer)

    def tokenize(text: str) -> list[int]:
        return tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]

    parts = [windows(text, tokenize, length - 2, comma, continued) for text in texts]
    most = max(map(len, parts))
    rows = [[*part, *[EMPTY] * (most - len(part))] for part in parts]
    encoded = [[_encoded(encode, tokenizer, window, length) for window in row] for row in rows]
    tokens = paddle.concat([paddle.concat([window.tokens for window in row], axis=1) for row in encoded])
    whole = [row[0].whole for row in encoded if row[0].whole is not None]
    return Encoded(tokens, paddle.concat(whole) if whole else None)


def _continued(tokenizer) -> set[int]:
    """The tokens of textual inversions that stand behind another one: WORD_1, WORD_2, ... behind WORD."""
    added = tokenizer.get_added_vocab()
    return {number for token, number in added.items() if token.rpartition("_")[0] in added}


def _encoded(encode: Runner, tokenizer, window: Window, length: int) -> Encoded:
    tokens = [tokenizer.bos_token_id, *window.tokens, tokenizer.eos_token_id]
    tokens += [tokenizer.pad_token_id] * (length - len(tokens))
    text, *projected = map(paddle.to_tensor, encode([paddle.to_tensor([tokens], "int64")]))
    whole = projected[0][:, len(window.tokens) + 1] if projected else None  # a text ends in what its end has gathered
    if all(weight == 1 for weight in window.weights):
        return Encoded(text, whole)
    weights = np.ones([1, length, 1], np.float32)
    weights[0, 1 : len(window.weights) + 1, 0] = window.weights
    return Encoded(_weighted(text.astype("float32"), paddle.to_tensor(weights)).astype(text.dtype), whole)


def _weighted(text: paddle.Tensor, weights: paddle.Tensor) -> paddle.Tensor:
    mean, weighted = text.mean(), text * weights
    if abs(mean) < _NO_MEAN * text.std():
        return weighted
    return weighted * (mean / weighted.mean())
