"""UNet3D as functions of tensors alone."""

from __future__ import annotations

from paddle.static import InputSpec

from ppt2v.engine.blocks import Block, blocks
from ppt2v.engine.program import Program

from .programs import DYNAMIC


class VideoTextLookup(Program):
    """The encoded text ``[branches, tokens, channels]`` -> keys and values for each layer that attends to it."""

    def forward(self, inputs: list) -> list:
        return [tensor for pair in self.network.look_up(inputs[0]) for tensor in pair]

    def blocks(self) -> list[Block]:
        layers = [layer.transformer_blocks[0].attn2 for layer in self.network.text_attention()]
        return [part for layer in layers for called in (layer.to_k, layer.to_v) for part in blocks(called)]

    def inputs(self) -> list[InputSpec]:
        return [InputSpec([DYNAMIC, DYNAMIC, self.network.config.cross_attention_dim], "float32", "text")]


class VideoNoisePrediction(Program):
    """The UNet.

    Inputs: latents ``[branches * frames, channels, height, width]``, branch by branch; the sinusoidal embedding of the
    timestep ``[1, channels]``; keys and values of the text, layer by layer, each ``[branches, tokens, channels]``.
    Output: the prediction, of the shape of the latents.
    """

    quantizable = True

    def __init__(self, network, height: int, width: int):
        super().__init__(network)
        self.height, self.width = height, width

    def forward(self, inputs: list) -> list:
        latents, time, texts = inputs[0], inputs[1], inputs[2:]
        return [self.network(latents, time, list(zip(texts[::2], texts[1::2])))]

    def inputs(self) -> list[InputSpec]:
        config = self.network.config
        latents = InputSpec([DYNAMIC, config.in_channels, self.height, self.width], "float32", "latents")
        time = InputSpec([1, config.block_out_channels[0]], "float32", "time")
        layers = enumerate(self.network.text_attention())
        widths = [(number, layer.proj_in.weight.shape[1]) for number, layer in layers]
        texts = [
            InputSpec([DYNAMIC, DYNAMIC, width], "float32", f"text_{kind}_{number}")
            for number, width in widths
            for kind in ("key", "value")
        ]
        return [latents, time, *texts]
