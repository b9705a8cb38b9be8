"""A UNet of pictures with motion modules between its layers: one that makes clips."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import paddle
from paddle import nn
from ppdiffusers.configuration_utils import FrozenDict

from .attention import extent
from .motion_modules import MotionModules
from .patches import followed


class MotionUNet(nn.Layer):
    """Takes what the UNet takes; the frames of a branch follow one another and are seen together.

    Args:
        unet: a UNet2DConditionModel.
        modules: those for its layers.
    """

    def __init__(self, unet, modules: MotionModules):
        super().__init__()
        self.unet, self.motion = unet, modules
        self._places = list(_places(unet, modules))
        self.config = FrozenDict({**unet.config, "motion_modules": dict(modules.config)})

    @property
    def longest(self) -> int:
        """The most frames that can be seen together."""
        return self.motion.config.motion_max_seq_length

    @property
    def dtype(self):
        return self.unet.dtype

    @property
    def time_proj(self) -> nn.Layer:
        return self.unet.time_proj

    @property
    def down_blocks(self) -> nn.LayerList:
        return self.unet.down_blocks

    @property
    def mid_block(self) -> nn.Layer:
        return self.unet.mid_block

    @property
    def up_blocks(self) -> nn.LayerList:
        return self.unet.up_blocks

    def forward(self, latents: paddle.Tensor, timestep: paddle.Tensor, encoder_hidden_states: paddle.Tensor, **added):
        """As the UNet's; the text has one row for each branch."""
        text = encoder_hidden_states
        branches = extent(text, 0)
        with followed((layer, partial(module, branches=branches)) for layer, module in self._places):
            return self.unet(latents, timestep, encoder_hidden_states=text, **added)


def _places(unet, modules: MotionModules) -> Iterator[tuple[nn.Layer, nn.Layer]]:
    """The layers of the UNet that modules follow: those that attend to the text, else residual blocks."""
    levels = [*zip(unet.down_blocks, modules.down_blocks), *zip(unet.up_blocks, modules.up_blocks)]
    if modules.mid_block is not None:
        levels.append((unet.mid_block, modules.mid_block))
    for block, level in levels:
        yield from zip(getattr(block, "attentions", block.resnets), level.motion_modules)


def image_unet(network):
    """The UNet of pictures that a network is, or has within it."""
    return network.unet if isinstance(network, MotionUNet) else network
