"""ControlNets as functions of tensors alone."""

from __future__ import annotations

from paddle.static import InputSpec

from ppt2v.engine.program import Program

from .patches import given
from .programs import DYNAMIC, CrossFrameProgram, SelfAttention


class ControlResiduals(CrossFrameProgram):
    """A ControlNet (arXiv 2302.05543): makes what is added to the UNet's layers on the way down and in the middle.

    Its own inputs: the embedded control maps ``[branches * frames, channels, height, width]``, and the strength for
    each layer ``[branches * frames, layers]``. ``number`` tells several ControlNets of a run apart.
    """

    def __init__(self, network, height: int, width: int, attention: SelfAttention, number: int = 0):
        super().__init__(network, height, width, attention)
        self.place = f"{type(self).__name__} {number}"
        levels = len(network.config.block_out_channels)
        self.predictions = levels * (network.config.layers_per_block + 1) + 1

    def compute(self, latents, timestep, text, own, **told) -> list:
        embedded, strengths = own
        with given(self.network.controlnet_cond_embedding, embedded):
            down, middle = self.network(latents, timestep, text, embedded, return_dict=False, **told)
        by_layer = strengths.reshape([0, 0, 1, 1]).split(self.predictions, axis=1)
        return [residual * strength for residual, strength in zip((*down, middle), by_layer)]

    def own_inputs(self) -> list[InputSpec]:
        channels = self.network.config.block_out_channels[0]
        embedded = InputSpec([DYNAMIC, channels, self.height, self.width], "float32", "control")
        return [embedded, InputSpec([DYNAMIC, self.predictions], "float32", "strengths")]


class ControlEmbedding(Program):
    """Control maps in 0..1, ``[frames, 3, ...]`` -> ``[frames, channels, height, width]``, as ``ControlResiduals``."""

    def __init__(self, network, height: int, width: int, number: int = 0):
        super().__init__(network)
        self.height, self.width = height, width
        self.place = f"{type(self).__name__} {number}"

    def forward(self, inputs: list) -> list:
        order = self.network.config.controlnet_conditioning_channel_order
        return [self.network.controlnet_cond_embedding(inputs[0].flip([1]) if order == "bgr" else inputs[0])]

    def inputs(self) -> list[InputSpec]:
        config = self.network.config
        scale = 2 ** (len(config.conditioning_embedding_out_channels) - 1)
        size = [config.conditioning_channels, self.height * scale, self.width * scale]
        return [InputSpec([DYNAMIC, *size], "float32", "maps")]
