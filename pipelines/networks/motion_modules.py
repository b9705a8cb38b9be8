"""The motion modules of AnimateDiff (arXiv 2307.04725, section 4.2), with the names of diffusers' MotionAdapter."""

from __future__ import annotations

from collections.abc import Sequence

import paddle
from paddle import nn
from ppdiffusers import ModelMixin
from ppdiffusers.configuration_utils import ConfigMixin, register_to_config

from .attention import extent
from .video_layers import FrameTransformer, KeyValue, TransformerBlock


class Positions(nn.Layer):
    """Adds to the tokens of each frame what tells its place within the clip."""

    def __init__(self, channels: int, length: int):
        super().__init__()
        self.pe = self.create_parameter([1, length, channels])

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """``x``: ``[rows, frames, channels]``."""
        return x + self.pe[:, : extent(x, 1)]


class MotionBlock(TransformerBlock):
    """A frame's token attends twice to those of all frames, each of which knows its place."""

    def __init__(self, channels: int, heads: int, length: int):
        super().__init__(channels, heads)
        self.pos_embed = Positions(channels, length)

    def forward(self, x: paddle.Tensor, text: KeyValue | None = None) -> paddle.Tensor:
        x = x + self.attn1(self.pos_embed(self.norm1(x)))
        x = x + self.attn2(self.pos_embed(self.norm2(x)))
        return x + self.ff(self.norm3(x))


class MotionModule(FrameTransformer):
    """One module, for pictures of so many channels."""

    def __init__(self, channels: int, heads: int, groups: int, length: int, blocks: int):
        super().__init__(channels, channels, groups, [MotionBlock(channels, heads, length) for _ in range(blocks)])


class _Level(nn.Layer):
    def __init__(self, modules: Sequence[MotionModule]):
        super().__init__()
        self.motion_modules = nn.LayerList(modules)


class MotionModules(ModelMixin, ConfigMixin):
    """All modules of a UNet.

    Args:
        block_out_channels: width of each level of the UNet.
        motion_layers_per_block: layers of each level on the way down; on the way up there is one more.
        motion_num_attention_heads: heads at every width.
        motion_norm_num_groups: groups of each normalization.
        motion_max_seq_length: the most frames that are told apart.
        motion_transformer_layers_per_block: transformer blocks of each module.
        use_motion_mid_block: whether the middle of the UNet has a module, as in the second version.
    """

    @register_to_config
    def __init__(
        self,
        block_out_channels: Sequence[int] = (320, 640, 1280, 1280),
        motion_layers_per_block: int = 2,
        motion_num_attention_heads: int = 8,
        motion_norm_num_groups: int = 32,
        motion_max_seq_length: int = 32,
        motion_transformer_layers_per_block: int = 1,
        use_motion_mid_block: bool = True,
    ):
        super().__init__()

        def level(channels: int, count: int) -> _Level:
            settings = motion_num_attention_heads, motion_norm_num_groups, motion_max_seq_length
            blocks = motion_transformer_layers_per_block
            return _Level([MotionModule(channels, *settings, blocks) for _ in range(count)])

        widths, layers = list(block_out_channels), motion_layers_per_block
        self.down_blocks = nn.LayerList([level(width, layers) for width in widths])
        self.mid_block = level(widths[-1], 1) if use_motion_mid_block else None
        self.up_blocks = nn.LayerList([level(width, layers + 1) for width in reversed(widths)])
