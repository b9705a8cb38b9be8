"""Cross-frame attention: every frame looks at the first one (Text2Video-Zero, arXiv 2303.13439, section 3.3.2)."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import paddle
import paddle.nn.functional as F


class CrossFrameAttnProcessor:
    """Self-attention in which all frames take their keys and values from the anchor frame (frame 0).

    The anchor's keys and values are computed once and remembered: the first call after ``forget`` must have the anchor
    as the first frame of every guidance branch; later calls may hold any frames. Cross-attention to the text, where
    ``encoder_hidden_states`` is given, is left as it is.

    Args:
        batch_size: number of guidance branches in a batch: 1 without guidance, 2 with classifier-free guidance,
            3 for instruct-pix2pix. A batch is ordered branch by branch, each with all its frames.
    """

    def __init__(self, batch_size: int = 2):
        self.batch_size = batch_size
        self.anchor: tuple[paddle.Tensor, paddle.Tensor] | None = None

    def forget(self) -> None:
        """Drops the remembered anchor: the next call brings a new one."""
        self.anchor = None

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, **kwargs):
        """Attends; ``hidden_states`` is ``[batch_size * frames, tokens, channels]``, and so is the result.

        ``kwargs`` takes what other processors understand, such as LoRA's ``scale``.
        """
        scale = _lora_scale(attn.to_q, kwargs)
        query = attn.to_q(hidden_states, *scale)
        if encoder_hidden_states is not None:
            key, value = attn.to_k(encoder_hidden_states, *scale), attn.to_v(encoder_hidden_states, *scale)
            return self._project(attn, _attend(query, key, value, attn.heads), scale)
        if self.anchor is None:
            first = self._by_branch(hidden_states)[:, : hidden_states.shape[1]]
            self.anchor = attn.to_k(first, *scale), attn.to_v(first, *scale)
        key, value = (tensor.astype(query.dtype) for tensor in self.anchor)
        # The queries of all frames stand in one row, so that the anchor's keys and values need not be copied.
        attended = _attend(self._by_branch(query), key, value, attn.heads)
        return self._project(attn, attended.reshape(query.shape), scale)

    def _by_branch(self, tensor: paddle.Tensor) -> paddle.Tensor:
        return tensor.reshape([self.batch_size, -1, tensor.shape[-1]])

    @staticmethod
    def _project(attn, hidden_states, scale):
        return attn.to_out[1](attn.to_out[0](hidden_states, *scale)) / attn.rescale_output_factor


def _lora_scale(layer, kwargs: dict) -> tuple:
    # Only PPDiffusers' LoRA-compatible layers take a scale; a plain nn.Linear does not.
    accepts_scale = type(layer).__name__ == "LoRACompatibleLinear"
    return (kwargs["scale"],) if accepts_scale and "scale" in kwargs else ()


def _attend(query, key, value, heads: int) -> paddle.Tensor:
    query, key, value = (tensor.reshape([0, 0, heads, -1]) for tensor in (query, key, value))
    return F.scaled_dot_product_attention(query, key, value, training=False).flatten(2)


class AnchorMemory:
    """What the cross-frame layers of a network remember of the anchor frame at one step."""

    def __init__(self, processors: list[CrossFrameAttnProcessor]):
        self._processors = processors

    def forget(self) -> None:
        """Makes the next call of the network the anchor's."""
        for processor in self._processors:
            processor.forget()

    def take(self) -> list[tuple[paddle.Tensor, paddle.Tensor]]:
        """The anchor's keys and values, layer by layer, to be given back later by ``put``."""
        return [processor.anchor for processor in self._processors]

    def put(self, remembered: list[tuple[paddle.Tensor, paddle.Tensor]]) -> None:
        """Makes the next calls of the network attend to an earlier anchor."""
        for processor, anchor in zip(self._processors, remembered):
            processor.anchor = anchor


@contextmanager
def cross_frame_attention(network, branches: int, enabled: bool = True) -> Iterator[AnchorMemory]:
    """Gives every self-attention layer of ``network`` a ``CrossFrameAttnProcessor``; undone on leaving.

    With ``enabled`` false the network stays as it is, and the memory stays empty.
    """
    layers = [layer for name, layer in network.named_sublayers() if name.endswith("attn1")] if enabled else []
    originals = [layer.processor for layer in layers]
    processors = [CrossFrameAttnProcessor(branches) for _ in layers]
    try:
        for layer, processor in zip(layers, processors):
            layer.processor = processor
        yield AnchorMemory(processors)
    finally:
        for layer, original in zip(layers, originals):
            layer.processor = original
