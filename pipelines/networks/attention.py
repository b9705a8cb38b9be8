"""Cross-frame attention: every frame looks at the first one (Text2Video-Zero, arXiv 2303.13439, section 3.3.2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Tuple

import paddle
import paddle.nn.functional as F

from ppt2v.pipelines.methods.merging import Merged, Merging

KeyValue = Tuple[paddle.Tensor, paddle.Tensor]
SCORES_LIMIT = 256 * 2**20  # bytes, in float32


class CrossFrameAttnProcessor:
    """Self-attention in which all frames take their keys and values from the anchor frame (frame 0).

    The anchor's keys and values are computed once and remembered: the first call after ``forget`` must have the anchor
    as the first frame of every guidance branch; later calls may hold any frames. Attention to the text, where
    ``encoder_hidden_states`` is given, is left as it is.

    Args:
        batch_size: number of guidance branches in a batch: 1 without guidance, 2 with classifier-free guidance,
            3 for instruct-pix2pix. A batch is ordered branch by branch, each with all its frames.
        merging: which tokens attend as one; None: each for itself.
    """

    def __init__(self, batch_size: int = 2, merging: Merging | None = None):
        self.batch_size, self.merging = batch_size, merging
        self.anchor: KeyValue | None = None

    def forget(self) -> None:
        """Drops the remembered anchor: the next call brings a new one."""
        self.anchor = None

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, **kwargs):
        """Attends; ``hidden_states`` is ``[batch_size * frames, tokens, channels]``, and so is the result.

        ``kwargs`` takes what other processors understand, such as LoRA's ``scale``.
        """
        scale = _lora_scale(attn.to_q, kwargs)
        if encoder_hidden_states is not None:
            query = attn.to_q(hidden_states, *scale)
            attended = attend(query, *keys_and_values(attn, encoder_hidden_states, scale), attn.heads)
            return _project(attn, attended, scale)
        merged = self.merging(hidden_states) if self.merging else Merged(hidden_states, None)
        self.anchor = self._anchor(attn, merged.tokens, scale)
        return merged.undo(_attend_by_branch(attn, merged.tokens, self.anchor, scale))

    def _anchor(self, attn, hidden_states, scale) -> KeyValue:
        tokens = hidden_states.shape[1]
        if self.anchor is None:
            return keys_and_values(attn, _by_branch(hidden_states, self.batch_size)[:, :tokens], scale)
        if paddle.in_dynamic_mode():
            return self.anchor
        # A network that is traced for an engine serves both kinds of calls: with the remembered anchor, and with none,
        # which is one without tokens.
        branches, remembered = (paddle.shape(self.anchor[0])[axis] for axis in (0, 1))
        missing = (remembered == 0).astype("int64")
        own = keys_and_values(attn, _by_branch(hidden_states, branches)[:, : missing * tokens], scale)
        return tuple(paddle.concat(parts, axis=1) for parts in zip(own, self.anchor))


class MergedAttnProcessor:
    """Self-attention of each frame to itself, in which alike tokens attend as one."""

    def __init__(self, merging: Merging):
        self.merging = merging

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, **kwargs):
        """Attends; ``hidden_states`` is ``[rows, tokens, channels]``, and so is the result."""
        scale = _lora_scale(attn.to_q, kwargs)
        merged = self.merging(hidden_states)
        looked_up = keys_and_values(attn, merged.tokens, scale)
        attended = attend(attn.to_q(merged.tokens, *scale), *looked_up, attn.heads)
        return merged.undo(_project(attn, attended, scale))


class TextAttnProcessor:
    """Attention to a text whose keys and values were computed before, once for all steps and frames.

    Args:
        text: keys and values, ``[branches, tokens, channels]``; a batch is ordered branch by branch. Or with a row for
            each frame of each branch.
    """

    def __init__(self, text: KeyValue):
        self.text = text

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, **kwargs):
        """Attends; ``hidden_states`` is ``[branches * frames, tokens, channels]``, and so is the result."""
        return _attend_by_branch(attn, hidden_states, self.text, _lora_scale(attn.to_q, kwargs))


def keys_and_values(attn, hidden_states: paddle.Tensor, scale: tuple = ()) -> KeyValue:
    """What an attention layer lets others look up in ``hidden_states``: two tensors ``[rows, tokens, channels]``."""
    return attn.to_k(hidden_states, *scale), attn.to_v(hidden_states, *scale)


def _attend_by_branch(attn, hidden_states, looked_up: KeyValue, scale: tuple) -> paddle.Tensor:
    """All frames of a branch look up the same keys and values, which therefore need not be copied."""
    query = attn.to_q(hidden_states, *scale)
    key, value = (tensor.astype(query.dtype) for tensor in looked_up)
    branches = key.shape[0] if paddle.in_dynamic_mode() else paddle.shape(key)[0]
    attended = attend(_by_branch(query, branches), key, value, attn.heads)
    return _project(attn, attended.reshape([-1, *query.shape[1:]]), scale)


def _by_branch(tensor: paddle.Tensor, branches) -> paddle.Tensor:
    return tensor.reshape([branches, -1, tensor.shape[-1]])


def _project(attn, hidden_states: paddle.Tensor, scale: tuple) -> paddle.Tensor:
    return attn.to_out[1](attn.to_out[0](hidden_states, *scale)) / attn.rescale_output_factor


def _lora_scale(layer, kwargs: dict) -> tuple:
    # Only PPDiffusers' LoRA-compatible layers take a scale; a plain nn.Linear does not.
    accepts_scale = type(layer).__name__ == "LoRACompatibleLinear"
    return (kwargs["scale"],) if accepts_scale and "scale" in kwargs else ()


def attend(query: paddle.Tensor, key: paddle.Tensor, value: paddle.Tensor, heads: int) -> paddle.Tensor:
    """Attention of ``[rows, queries, channels]`` to ``[rows, tokens, channels]``; the result is like ``query``.

    Where it would hold a matrix of scores above ``SCORES_LIMIT`` it goes through the queries block by block.
    """
    by_head = [0, 0, heads, key.shape[-1] // heads]
    query, key, value = (tensor.reshape(by_head) for tensor in (query, key, value))
    attention = partial(F.scaled_dot_product_attention, key=key, value=value, training=False)
    if not paddle.in_dynamic_mode():  # an engine has its own way to keep the matrix small
        return attention(query).flatten(2)
    block = max(1, SCORES_LIMIT // (4 * query.shape[0] * heads * key.shape[1]))
    if block >= query.shape[1]:
        return attention(query).flatten(2)
    starts = range(0, query.shape[1], block)
    return paddle.concat([attention(query[:, start : start + block]) for start in starts], axis=1).flatten(2)


@contextmanager
def processors(layers: Sequence, replacements: Sequence) -> Iterator[None]:
    """Gives each attention layer its replacement; undone on leaving."""
    originals = [layer.processor for layer in layers]
    try:
        for layer, replacement in zip(layers, replacements):
            layer.processor = replacement
        yield
    finally:
        for layer, original in zip(layers, originals):
            layer.processor = original
