"""Autoencoders as functions of tensors alone."""

from __future__ import annotations

from paddle.static import InputSpec

from ppt2v.engine.program import Program

from .programs import DYNAMIC


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


class PreviewDecoder(Decoder):
    """The same of a tiny autoencoder, whose latents are those of the diffusion, not scaled."""


class Encoder(Program):
    """Pictures in -1..1, ``[frames, 3, height, width]`` -> the means of their latents, not scaled."""

    def __init__(self, network, height: int, width: int):
        super().__init__(network)
        self.height, self.width = height, width

    def forward(self, inputs: list) -> list:
        return [self.network.encode(inputs[0]).latent_dist.mean]

    def inputs(self) -> list[InputSpec]:
        return [InputSpec([DYNAMIC, self.network.config.in_channels, self.height, self.width], "float32", "pictures")]
