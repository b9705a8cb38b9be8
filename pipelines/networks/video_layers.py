"""Layers of the text-to-video UNet; each takes and returns pictures ``[branches * frames, channels, height, width]``.

The frames of a branch follow one another, so that space is worked on without touching the frames, and frames with one
transposition on the way in and one on the way out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Tuple

import paddle
import paddle.nn.functional as F
from paddle import nn

from .attention import attend, extent

KeyValue = Tuple[paddle.Tensor, paddle.Tensor]

ZERO = nn.initializer.Constant(0.0)


class GroupNorm(nn.GroupNorm):
    """Group normalization (arXiv 1803.08494) of ``[rows, channels, ...]`` with four axes.

    The variance is taken around the mean. Paddle's own kernel subtracts the squared mean from the mean square, which
    leaves no digits where the mean dominates.
    """

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        grouped = x.reshape([0, self._num_groups, -1])
        normalized = F.layer_norm(grouped, grouped.shape[2:], epsilon=self._epsilon)
        normalized = normalized.reshape([0, x.shape[1], extent(x, 2), extent(x, 3)])
        return normalized * self.weight.reshape([-1, 1, 1]) + self.bias.reshape([-1, 1, 1])


class ResnetBlock(nn.Layer):
    """Two convolutions of each frame by itself, with the timestep's embedding added in between."""

    def __init__(self, channels: int, out_channels: int, time_channels: int, groups: int, epsilon: float):
        super().__init__()
        self.norm1 = GroupNorm(groups, channels, epsilon)
        self.conv1 = nn.Conv2D(channels, out_channels, 3, padding=1)
        self.time_emb_proj = nn.Linear(time_channels, out_channels)
        self.norm2 = GroupNorm(groups, out_channels, epsilon)
        self.conv2 = nn.Conv2D(out_channels, out_channels, 3, padding=1)
        self.conv_shortcut = nn.Conv2D(channels, out_channels, 1) if channels != out_channels else None

    def forward(self, x: paddle.Tensor, time: paddle.Tensor) -> paddle.Tensor:
        """``time``: ``[1, channels]``, or one row per picture."""
        hidden = self.conv1(F.silu(self.norm1(x)))
        hidden = hidden + self.time_emb_proj(F.silu(time)).unsqueeze([2, 3])
        hidden = self.conv2(F.silu(self.norm2(hidden)))
        return hidden + (x if self.conv_shortcut is None else self.conv_shortcut(x))


class FrameConvolution(nn.Conv3D):
    """A 3x1x1 convolution of ``[branches, channels, frames, pixels]`` over the frames."""

    def __init__(self, channels: int, **initializers):
        super().__init__(channels, channels, (3, 1, 1), padding=(1, 0, 0), **initializers)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        return F.conv2d(x, self.weight.squeeze(-1), self.bias, padding=(1, 0))


class TemporalConvLayer(nn.Layer):
    """Four convolutions over the frames, whose last one starts at zero: a network of pictures becomes one of videos."""

    DROPOUT = 0.1  # in training

    def __init__(self, channels: int, groups: int):
        super().__init__()
        self.conv1 = nn.Sequential(GroupNorm(groups, channels), nn.Silu(), FrameConvolution(channels))
        self.conv2 = self._with_dropout(groups, FrameConvolution(channels))
        self.conv3 = self._with_dropout(groups, FrameConvolution(channels))
        self.conv4 = self._with_dropout(groups, FrameConvolution(channels, weight_attr=ZERO, bias_attr=ZERO))

    def _with_dropout(self, groups: int, convolution: FrameConvolution) -> nn.Sequential:
        channels = convolution.weight.shape[1]
        return nn.Sequential(GroupNorm(groups, channels), nn.Silu(), nn.Dropout(self.DROPOUT), convolution)

    def forward(self, x: paddle.Tensor, branches) -> paddle.Tensor:
        """``branches``: a number, or a tensor where it is open."""
        channels, height, width = (extent(x, axis) for axis in (1, 2, 3))
        videos = by_branch(x, branches).transpose([0, 2, 1, 3])
        videos = videos + self.conv4(self.conv3(self.conv2(self.conv1(videos))))
        return videos.transpose([0, 2, 1, 3]).reshape([-1, channels, height, width])


class Attention(nn.Layer):
    """Multi-head attention; to itself, or to keys and values that were computed before."""

    def __init__(self, channels: int, heads: int, looked_up_channels: int | None = None):
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(channels, channels, bias_attr=False)
        self.to_k = nn.Linear(looked_up_channels or channels, channels, bias_attr=False)
        self.to_v = nn.Linear(looked_up_channels or channels, channels, bias_attr=False)
        self.to_out = nn.Sequential(nn.Linear(channels, channels))

    def look_up(self, x: paddle.Tensor) -> KeyValue:
        """Keys and values of what is attended to."""
        return self.to_k(x), self.to_v(x)

    def forward(self, x: paddle.Tensor, looked_up: KeyValue | None = None) -> paddle.Tensor:
        """``x``: ``[rows, tokens, channels]``; those looked up may have fewer rows, each then serves several of x."""
        query = self.to_q(x)
        if looked_up is None:
            return self.to_out(attend(query, *self.look_up(x), self.heads))
        key, value = (tensor.astype(query.dtype) for tensor in looked_up)
        rows = extent(key, 0)
        attended = attend(query.reshape([rows, -1, query.shape[2]]), key, value, self.heads)
        return self.to_out(attended.reshape([-1, extent(query, 1), query.shape[2]]))


class GatedGELU(nn.Layer):
    """GEGLU (arXiv 2002.05202)."""

    def __init__(self, channels: int, out_channels: int):
        super().__init__()
        self.proj = nn.Linear(channels, 2 * out_channels)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        value, gate = self.proj(x).chunk(2, axis=-1)
        return value * F.gelu(gate)


class FeedForward(nn.Layer):
    """Through four times the width and back."""

    def __init__(self, channels: int):
        super().__init__()
        self.net = nn.Sequential(GatedGELU(channels, 4 * channels), nn.Identity(), nn.Linear(4 * channels, channels))

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        return self.net(x)


class TransformerBlock(nn.Layer):
    """Attention of the tokens to one another, then to the text or once more to one another, then a feed-forward net."""

    def __init__(self, channels: int, heads: int, text_channels: int | None = None):
        super().__init__()
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(channels) for _ in range(3))
        self.attn1 = Attention(channels, heads)
        self.attn2 = Attention(channels, heads, text_channels)
        self.ff = FeedForward(channels)

    def forward(self, x: paddle.Tensor, text: KeyValue | None = None) -> paddle.Tensor:
        x = x + self.attn1(self.norm1(x))
        x = x + self.attn2(self.norm2(x), text)
        return x + self.ff(self.norm3(x))


class _Transformer(nn.Layer):
    EPSILON = 1e-6

    def __init__(
        self,
        channels: int,
        inner_channels: int,
        groups: int,
        blocks: Sequence[TransformerBlock],
        **initializers,
    ):
        super().__init__()
        self.norm = GroupNorm(groups, channels, self.EPSILON)
        self.proj_in = nn.Linear(channels, inner_channels)
        self.transformer_blocks = nn.LayerList(blocks)
        self.proj_out = nn.Linear(inner_channels, channels, **initializers)

    def _attended(self, tokens: paddle.Tensor, text: KeyValue | None = None) -> paddle.Tensor:
        inner = self.proj_in(tokens)
        for block in self.transformer_blocks:
            inner = block(inner, text)
        return self.proj_out(inner)


class SpatialTransformer(_Transformer):
    """Each pixel of a frame attends to the others and to the text."""

    def __init__(self, channels: int, heads: int, groups: int, text_channels: int):
        super().__init__(channels, channels, groups, [TransformerBlock(channels, heads, text_channels)])

    def forward(self, x: paddle.Tensor, text: KeyValue) -> paddle.Tensor:
        """``text``: keys and values ``[branches, tokens, channels]``."""
        tokens = self._attended(self.norm(x).flatten(2).transpose([0, 2, 1]), text)
        return x + tokens.transpose([0, 2, 1]).reshape([-1, x.shape[1], extent(x, 2), extent(x, 3)])


class FrameTransformer(_Transformer):
    """Each pixel attends to the same one of the other frames. Like the convolutions over them it adds nothing at first.

    Args:
        blocks: of ``inner_channels``, which attend.
    """

    def __init__(self, channels: int, inner_channels: int, groups: int, blocks: Sequence[TransformerBlock]):
        super().__init__(channels, inner_channels, groups, blocks, weight_attr=ZERO, bias_attr=ZERO)

    def forward(self, x: paddle.Tensor, branches) -> paddle.Tensor:
        """``branches``: a number, or a tensor where it is open."""
        channels, height, width = (extent(x, axis) for axis in (1, 2, 3))
        frames = by_branch(x, branches)
        count = extent(frames, 1)
        pixels = self.norm(frames.transpose([0, 2, 1, 3])).transpose([0, 3, 2, 1]).reshape([-1, count, channels])
        attended = self._attended(pixels).reshape([branches, height * width, -1, channels])
        return x + attended.transpose([0, 2, 3, 1]).reshape([-1, channels, height, width])


class TemporalTransformer(FrameTransformer):
    """Attention over the frames in which nothing tells which frame is which."""

    def __init__(self, channels: int, heads: int, groups: int, inner_channels: int | None = None):
        inner = inner_channels or channels
        super().__init__(channels, inner, groups, [TransformerBlock(inner, heads)])


class Downsample(nn.Layer):
    """Half the height and width, rounded up."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv = nn.Conv2D(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        return self.conv(x)


class Upsample(nn.Layer):
    """Twice the height and width, or one less."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv = nn.Conv2D(channels, channels, 3, padding=1)

    def forward(self, x: paddle.Tensor, height: int, width: int) -> paddle.Tensor:
        doubled = F.interpolate(x, scale_factor=2, mode="nearest")
        whole = [height, width] == [2 * side for side in x.shape[2:]]  # then an engine may know a shorter way
        return self.conv(doubled if whole else doubled[:, :, :height, :width])


def by_branch(x: paddle.Tensor, branches) -> paddle.Tensor:
    """``[branches, frames, channels, pixels]``."""
    return x.reshape([branches, -1, x.shape[1], extent(x, 2) * extent(x, 3)])
