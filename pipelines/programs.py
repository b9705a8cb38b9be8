"""The networks as functions of tensors alone, the form in which an engine can export them."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import paddle
from paddle.static import InputSpec

from ..engine.program import Program
from .attention import CrossFrameAttnProcessor, TextAttnProcessor, keys_and_values, processors

DYNAMIC = None


def _attention(network, kind: str) -> list:
    return [layer for name, layer in network.named_sublayers() if name.endswith(kind)]


def _pairs(tensors: list) -> list:
    return list(zip(tensors[::2], tensors[1::2]))


class TextEncoder(Program):
    """Token numbers ``[1, tokens]`` -> ``[1, tokens, channels]``."""

    def forward(self, inputs: list) -> list:
        return [self.network(inputs[0])[0]]

    def inputs(self) -> list[InputSpec]:
        tokens = self.network.config.max_position_embeddings
        return [InputSpec([1, tokens], "int64", "tokens")]


class TextLookup(Program):
    """The encoded text ``[branches, tokens, channels]`` -> keys and values for each attention layer of a UNet."""

    def forward(self, inputs: list) -> list:
        layers = _attention(self.network, "attn2")
        return [tensor for layer in layers for tensor in keys_and_values(layer, inputs[0])]

    def inputs(self) -> list[InputSpec]:
        return [InputSpec([DYNAMIC, DYNAMIC, self.network.config.cross_attention_dim], "float32", "text")]


class NoisePrediction(Program):
    """The UNet with cross-frame attention, or with its own where ``cross_frame`` is false.

    Inputs: latents ``[branches * frames, channels, height, width]``; the sinusoidal embedding of the timestep
    ``[1, channels]``; keys and values of the text, then those of the anchor frame, layer by layer, each
    ``[branches, tokens, channels]``. Without tokens they mean that the first frame of this call is the anchor.
    Outputs: the predicted noise, then keys and values of the anchor.
    """

    def __init__(self, network, height: int, width: int, cross_frame: bool = True):
        super().__init__(network)
        self.height, self.width = height, width
        self.to_text = _attention(network, "attn2")
        self.to_anchor = _attention(network, "attn1") if cross_frame else []

    def forward(self, inputs: list) -> list:
        latents, time, rest = inputs[0], inputs[1], inputs[2:]
        texts = [TextAttnProcessor(pair) for pair in _pairs(rest[: 2 * len(self.to_text)])]
        anchors = [CrossFrameAttnProcessor(rest[0].shape[0]) for _ in self.to_anchor]
        for processor, pair in zip(anchors, _pairs(rest[2 * len(self.to_text) :])):
            processor.anchor = None if paddle.in_dynamic_mode() and pair[0].shape[1] == 0 else pair
        with processors(self.to_text + self.to_anchor, texts + anchors), _given(self.network.time_proj, time):
            # The text is passed for the sake of the layers' signatures; its keys and values are used.
            predicted = self.network(latents, time[0, 0], encoder_hidden_states=rest[0]).sample
        return [predicted, *(tensor for processor in anchors for tensor in processor.anchor)]

    def inputs(self) -> list[InputSpec]:
        config = self.network.config
        latents = InputSpec([DYNAMIC, config.in_channels, self.height, self.width], "float32", "latents")
        time = InputSpec([1, config.block_out_channels[0]], "float32", "time")
        pairs = [*self._pair_specs(self.to_text, "text"), *self._pair_specs(self.to_anchor, "anchor")]
        return [latents, time, *pairs]

    def no_anchor(self, branches: int) -> list[paddle.Tensor]:
        """The inputs that make the first frame of a call the anchor."""
        return [paddle.zeros([branches, 0, spec.shape[-1]]) for spec in self._pair_specs(self.to_anchor, "anchor")]

    @staticmethod
    def _pair_specs(layers: list, name: str) -> Iterator[InputSpec]:
        for number, layer in enumerate(layers):
            for kind, projection in (("key", layer.to_k), ("value", layer.to_v)):
                channels = projection.weight.shape[-1]
                yield InputSpec([DYNAMIC, DYNAMIC, channels], "float32", f"{name}_{kind}_{number}")


class Decoder(Program):
    """Latents ``[frames, channels, height, width]`` -> pictures in -1..1, ``[frames, 3, ...]``."""

    def __init__(self, network, height: int, width: int):
        super().__init__(network)
        self.height, self.width = height, width

    def forward(self, inputs: list) -> list:
        return [self.network.decode(inputs[0]).sample]

    def inputs(self) -> list[InputSpec]:
        channels = self.network.config.latent_channels
        return [InputSpec([DYNAMIC, channels, self.height, self.width], "float32", "latents")]


class Encoder(Program):
    """Pictures in -1..1, ``[frames, 3, height, width]`` -> the means of their latents, not scaled."""

    def __init__(self, network, height: int, width: int):
        super().__init__(network)
        self.height, self.width = height, width

    def forward(self, inputs: list) -> list:
        return [self.network.encode(inputs[0]).latent_dist.mean]

    def inputs(self) -> list[InputSpec]:
        return [InputSpec([DYNAMIC, self.network.config.in_channels, self.height, self.width], "float32", "pictures")]


@contextmanager
def _given(layer, output: paddle.Tensor) -> Iterator[None]:
    """Makes a layer return ``output`` whatever it is called with; undone on leaving."""
    layer.forward = lambda *_: output
    try:
        yield
    finally:
        del layer.forward
