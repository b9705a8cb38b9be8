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

    def recall(self, kept: Sequence[KeyValue]) -> None:
        """Sets what was ``kept`` of an earlier call; keys without tokens mean that there was none."""
        missing = paddle.in_dynamic_mode() and kept[0][0].shape[1] == 0
        self.anchor = None if missing else kept[0]

    @property
    def kept(self) -> list[KeyValue]:
        """What later calls need of the last one: ``[branches, tokens, channels]`` each."""
        return [self.anchor]

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
        return merged.undo(self._attend(attn, merged.tokens, scale))

    def _attend(self, attn, hidden_states, scale) -> paddle.Tensor:
        self.anchor = self._anchor(attn, hidden_states, scale)
        return _attend_by_branch(attn, hidden_states, self.anchor, scale)

    def _anchor(self, attn, hidden_states, scale) -> KeyValue:
        if self.anchor is not None and paddle.in_dynamic_mode():
            return self.anchor
        branches, missing = self._missing()
        first = _by_branch(hidden_states, branches)[:, : missing * extent(hidden_states, 1)]
        return _joined(keys_and_values(attn, first, scale), self.anchor)

    def _missing(self) -> tuple:
        """The number of branches, and 1 where no anchor is remembered, else 0.

        A network that is traced for an engine serves both kinds of calls: with the remembered anchor, and with none,
        which is one without tokens.
        """
        if paddle.in_dynamic_mode() or self.anchor is None:
            return self.batch_size, int(self.anchor is None)
        branches, remembered = (paddle.shape(self.anchor[0])[axis] for axis in (0, 1))
        return branches, (remembered == 0).astype("int64")


class BankAttnProcessor(CrossFrameAttnProcessor):
    """As ``CrossFrameAttnProcessor``, with a bank of frames for the anchor, which the caller puts together.

    ``anchor`` holds the frames of the bank, one after the other; ``kept`` is the first frame of each call, whether it
    belongs to the bank or not.
    """

    def _attend(self, attn, hidden_states, scale) -> paddle.Tensor:
        branches, missing = self._missing()
        tokens = extent(hidden_states, 1)
        self._first = keys_and_values(attn, _by_branch(hidden_states, branches)[:, :tokens], scale)
        own = tuple(part[:, : missing * tokens] for part in self._first)
        return _attend_by_branch(attn, hidden_states, _joined(own, self.anchor), scale)

    @property
    def kept(self) -> list[KeyValue]:
        return [self._first]


class PreviousAttnProcessor(CrossFrameAttnProcessor):
    """As ``CrossFrameAttnProcessor``; each frame takes keys and values from the frame before, too.

    Calls must come in the order of the frames. The first frame counts as the one before itself.
    """

    previous: KeyValue | None = None

    def forget(self) -> None:
        super().forget()
        self.previous = None

    def recall(self, kept: Sequence[KeyValue]) -> None:
        super().recall(kept)
        self.previous = None if self.anchor is None else kept[1]

    def _attend(self, attn, hidden_states, scale) -> paddle.Tensor:
        branches, missing = self._missing()
        tokens = extent(hidden_states, 1)
        every = keys_and_values(attn, _by_branch(hidden_states, branches), scale)
        first = tuple(part[:, : missing * tokens] for part in every)
        before = _joined(first, self.previous, tuple(part[:, :-tokens] for part in every))
        self.anchor = _joined(first, self.anchor)
        self.previous = tuple(part[:, -tokens:] for part in every)
        query = attn.to_q(hidden_states, *scale)
        frames = paddle.shape(query.reshape([branches, -1, tokens, query.shape[-1]]))[1]
        looked_up = [_beside(*pair, frames) for pair in zip(self.anchor, before)]
        attended = attend(query, *looked_up, attn.heads)
        return _project(attn, attended, scale)

    @property
    def kept(self) -> list[KeyValue]:
        return [self.anchor, self.previous]


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


class PerturbedAttnProcessor:
    """Self-attention that some rows go without: each of their tokens sees itself alone (arXiv 2403.17377, section 4.2).

    Args:
        attended: how the others attend.
        perturbed: 1 for rows that go without, 0 for the others, ``[rows, 1, 1]``.
    """

    def __init__(self, attended, perturbed: paddle.Tensor):
        self.attended, self.perturbed = attended, perturbed

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, **kwargs):
        """Attends; ``hidden_states`` is ``[rows, tokens, channels]``, and so is the result."""
        scale = _lora_scale(attn.to_q, kwargs)
        itself = _project(attn, attn.to_v(hidden_states, *scale), scale)
        others = self.attended(attn, hidden_states, encoder_hidden_states, attention_mask, **kwargs)
        perturbed = self.perturbed.astype(itself.dtype)
        return perturbed * itself + (1 - perturbed) * others


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


def extent(tensor: paddle.Tensor, axis: int):
    """How long a tensor is along an axis: a number, or a tensor where it is open while a network is traced; Paddle's
    tracing leaves open what follows from features that are one cell high or wide."""
    known = tensor.shape[axis]
    return known if known >= 0 else paddle.shape(tensor)[axis]


def _attend_by_branch(attn, hidden_states, looked_up: KeyValue, scale: tuple) -> paddle.Tensor:
    """All frames of a branch look up the same keys and values, which therefore need not be copied."""
    query = attn.to_q(hidden_states, *scale)
    key, value = (tensor.astype(query.dtype) for tensor in looked_up)
    branches = extent(key, 0)
    attended = attend(_by_branch(query, branches), key, value, attn.heads)
    return _project(attn, attended.reshape([-1, extent(query, 1), query.shape[-1]]), scale)


def _by_branch(tensor: paddle.Tensor, branches) -> paddle.Tensor:
    return tensor.reshape([branches, -1, tensor.shape[-1]])


def _joined(*pairs: KeyValue | None) -> KeyValue:
    """Keys and values of several, one after the other, but for those that are missing or known to have no tokens."""
    there = [pair for pair in pairs if pair is not None and pair[0].shape[1] != 0]
    return there[0] if len(there) == 1 else tuple(paddle.concat(parts, axis=1) for parts in zip(*there))


def _beside(anchor: paddle.Tensor, before: paddle.Tensor, frames) -> paddle.Tensor:
    """For each frame the anchor's tokens, then those of the frame before.

    Args:
        anchor: ``[branches, tokens, channels]``.
        before: ``[branches, frames * tokens, channels]``.

    Returns:
        ``[branches * frames, 2 * tokens, channels]``.
    """
    branches, tokens, channels = paddle.shape(anchor)[0], paddle.shape(anchor)[1], anchor.shape[-1]
    repeated = anchor.astype(before.dtype).unsqueeze(1).expand([branches, frames, tokens, channels])
    by_frame = before.reshape([branches, frames, -1, channels])
    return paddle.concat([repeated, by_frame], axis=2).flatten(0, 1)


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
