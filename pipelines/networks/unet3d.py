"""The UNet of ModelScope's text-to-video synthesis (arXiv 2308.06571), with the names of UNet3DConditionModel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import paddle
from paddle import nn
from ppdiffusers import ModelMixin
from ppdiffusers.configuration_utils import ConfigMixin, register_to_config
from ppdiffusers.models.embeddings import TimestepEmbedding, Timesteps

from ppt2v.errors import InputError

from .attention import extent
from .video_layers import (
    Downsample,
    GroupNorm,
    KeyValue,
    ResnetBlock,
    SpatialTransformer,
    TemporalConvLayer,
    TemporalTransformer,
    Upsample,
)

FIRST_HEADS = 8  # of the transformer before the first level, at every width


class UNet3D(ModelMixin, ConfigMixin):
    """Predicts the noise of all frames of a clip together.

    Args:
        sample_size: side of the latents that it was trained on.
        in_channels, out_channels: of the latents and of the prediction.
        down_block_types, up_block_types: "CrossAttnDownBlock3D" or "DownBlock3D", and likewise upwards, level by level.
        block_out_channels: width of each level.
        layers_per_block: blocks of each level on the way down; on the way up there is one more.
        norm_num_groups: groups of each normalization.
        norm_eps: what is added to the variance in the residual blocks.
        cross_attention_dim: width of the text's encoding.
        attention_head_dim: width of an attention head. (In diffusers' configurations of 2D networks this name stands
            for the number of heads; in those of this one it does not.)
        act_fn, downsample_padding, mid_block_scale_factor, time_cond_proj_dim: what diffusers' configurations also
            name; they can have no other values than these.

    Raises:
        InputError: a block of another type, or another value of the last four.
    """

    @register_to_config
    def __init__(
        self,
        sample_size: int = 32,
        in_channels: int = 4,
        out_channels: int = 4,
        down_block_types: Sequence[str] = ("CrossAttnDownBlock3D",) * 3 + ("DownBlock3D",),
        up_block_types: Sequence[str] = ("UpBlock3D",) + ("CrossAttnUpBlock3D",) * 3,
        block_out_channels: Sequence[int] = (320, 640, 1280, 1280),
        layers_per_block: int = 2,
        norm_num_groups: int = 32,
        norm_eps: float = 1e-5,
        cross_attention_dim: int = 1024,
        attention_head_dim: int = 64,
        act_fn: str = "silu",
        downsample_padding: int = 1,
        mid_block_scale_factor: float = 1,
        time_cond_proj_dim: int | None = None,
    ):
        super().__init__()
        if (act_fn, downsample_padding, mid_block_scale_factor, time_cond_proj_dim) != ("silu", 1, 1, None):
            raise InputError(
                "E-UNET3D-SETTINGS",
                "a text-to-video UNet with act_fn={act_fn!r}, downsample_padding={downsample_padding}, "
                "mid_block_scale_factor={mid_block_scale_factor}, time_cond_proj_dim={time_cond_proj_dim}: valid are "
                "silu, 1, 1 and null; give a config.json of ModelScope's architecture",
                act_fn=act_fn,
                downsample_padding=downsample_padding,
                mid_block_scale_factor=mid_block_scale_factor,
                time_cond_proj_dim=time_cond_proj_dim,
            )
        widths, width = list(block_out_channels), block_out_channels[0]
        layers = _Layers(4 * width, norm_num_groups, norm_eps, cross_attention_dim, attention_head_dim)
        self.conv_in = nn.Conv2D(in_channels, width, 3, padding=1)
        self.time_proj = Timesteps(width, True, 0)
        self.time_embedding = TimestepEmbedding(width, 4 * width)
        self.transformer_in = TemporalTransformer(
            width, FIRST_HEADS, norm_num_groups, inner_channels=FIRST_HEADS * attention_head_dim
        )
        left = [width]  # what each layer on the way down leaves for the way up
        self.down_blocks = nn.LayerList()
        for level, (kind, out) in enumerate(zip(down_block_types, widths)):
            inputs = [left[-1]] + [out] * (layers_per_block - 1)
            last = level + 1 == len(widths)
            self.down_blocks.append(DownBlock(layers, _attends(kind, "DownBlock3D"), inputs, out, not last))
            left += [out] * (layers_per_block + (not last))
        self.mid_block = MiddleBlock(layers, widths[-1])
        self.up_blocks = nn.LayerList()
        before = widths[-1]
        for level, (kind, out) in enumerate(zip(up_block_types, widths[::-1])):
            inputs = [left.pop() + (before if layer == 0 else out) for layer in range(layers_per_block + 1)]
            self.up_blocks.append(UpBlock(layers, _attends(kind, "UpBlock3D"), inputs, out, level + 1 < len(widths)))
            before = out
        self.conv_norm_out = GroupNorm(norm_num_groups, width, norm_eps)
        self.conv_out = nn.Conv2D(width, out_channels, 3, padding=1)

    def look_up(self, text: paddle.Tensor) -> list[KeyValue]:
        """Keys and values of the encoded text ``[branches, tokens, channels]``, for each layer that attends to it."""
        return [layer.transformer_blocks[0].attn2.look_up(text) for layer in self.text_attention()]

    def text_attention(self) -> Iterator[SpatialTransformer]:
        """The layers that attend to the text, in the order in which they are computed."""
        for block in (*self.down_blocks, self.mid_block, *self.up_blocks):
            yield from block.attentions

    def forward(self, latents: paddle.Tensor, time: paddle.Tensor, texts: Sequence[KeyValue]) -> paddle.Tensor:
        """The prediction, of the shape of the latents.

        Args:
            latents: ``[branches * frames, channels, height, width]``, of any height and width; the frames of a branch
                follow one another.
            time: the sinusoidal embedding of the timestep (``time_proj``), ``[1, channels]`` or one row per branch.
            texts: what ``look_up`` has made; the number of its rows is that of the branches.
        """
        key = texts[0][0]
        branches = extent(key, 0)
        embedded = self.time_embedding(time)
        if embedded.shape[0] > 1:
            embedded = embedded.repeat_interleave(latents.shape[0] // branches, axis=0)
        remaining = iter(texts)
        x = self.transformer_in(self.conv_in(latents), branches)
        left = [x]
        for block in self.down_blocks:
            for output in block(x, embedded, branches, remaining):
                left.append(output)
            x = left[-1]
        x = self.mid_block(x, embedded, branches, remaining)
        for block in self.up_blocks:
            x = block(x, embedded, branches, remaining, left)
        return self.conv_out(nn.functional.silu(self.conv_norm_out(x)))


def _attends(kind: str, plain: str) -> bool:
    if kind not in (plain, f"CrossAttn{plain}"):
        raise InputError(
            "E-UNET3D-BLOCK",
            "the UNet's config.json names a block {kind!r}; valid are {plain} and CrossAttn{plain}",
            kind=kind,
            plain=plain,
        )
    return kind != plain


class _Layers:
    """Makes layers with what is the same at all levels."""

    def __init__(self, time_channels: int, groups: int, epsilon: float, text_channels: int, head_channels: int):
        self.time_channels, self.groups, self.epsilon = time_channels, groups, epsilon
        self.text_channels, self.head_channels = text_channels, head_channels

    def resnet(self, channels: int, out: int) -> ResnetBlock:
        return ResnetBlock(channels, out, self.time_channels, self.groups, self.epsilon)

    def over_frames(self, channels: int) -> TemporalConvLayer:
        return TemporalConvLayer(channels, self.groups)

    def spatial(self, channels: int) -> SpatialTransformer:
        return SpatialTransformer(channels, channels // self.head_channels, self.groups, self.text_channels)

    def temporal(self, channels: int) -> TemporalTransformer:
        return TemporalTransformer(channels, channels // self.head_channels, self.groups)


class _Block(nn.Layer):
    """A level: residual blocks, each followed by a convolution over the frames and, where it attends, transformers."""

    def __init__(self, layers: _Layers, attends: bool, inputs: Sequence[int], out: int):
        super().__init__()
        attending = len(inputs) if attends else 0
        self.resnets = nn.LayerList([layers.resnet(channels, out) for channels in inputs])
        self.temp_convs = nn.LayerList([layers.over_frames(out) for _ in inputs])
        self.attentions = nn.LayerList([layers.spatial(out) for _ in range(attending)])
        self.temp_attentions = nn.LayerList([layers.temporal(out) for _ in range(attending)])

    def _layer(self, number: int, x, time, branches, texts: Iterator[KeyValue]) -> paddle.Tensor:
        x = self.temp_convs[number](self.resnets[number](x, time), branches)
        if self.attentions:
            x = self.temp_attentions[number](self.attentions[number](x, next(texts)), branches)
        return x


class DownBlock(_Block):
    """A level on the way down."""

    def __init__(self, layers: _Layers, attends: bool, inputs: Sequence[int], out: int, shrinks: bool):
        super().__init__(layers, attends, inputs, out)
        self.downsamplers = nn.LayerList([Downsample(out)] if shrinks else [])

    def forward(self, x, time, branches, texts: Iterator[KeyValue]) -> Iterator[paddle.Tensor]:
        """Yields what each layer makes, the last one's being that of the level."""
        for number in range(len(self.resnets)):
            x = self._layer(number, x, time, branches, texts)
            yield x
        for downsampler in self.downsamplers:
            yield downsampler(x)


class MiddleBlock(_Block):
    """The level at the bottom: it attends between its two residual blocks."""

    def __init__(self, layers: _Layers, channels: int):
        super().__init__(layers, False, [channels] * 2, channels)
        self.attentions.append(layers.spatial(channels))
        self.temp_attentions.append(layers.temporal(channels))

    def forward(self, x, time, branches, texts: Iterator[KeyValue]) -> paddle.Tensor:
        x = self._layer(0, x, time, branches, texts)
        return self.temp_convs[1](self.resnets[1](x, time), branches)


class UpBlock(_Block):
    """A level on the way up."""

    def __init__(self, layers: _Layers, attends: bool, inputs: Sequence[int], out: int, grows: bool):
        super().__init__(layers, attends, inputs, out)
        self.upsamplers = nn.LayerList([Upsample(out)] if grows else [])

    def forward(self, x, time, branches, texts: Iterator[KeyValue], left: list[paddle.Tensor]) -> paddle.Tensor:
        """Takes what the way down has left from the end of ``left``."""
        for number in range(len(self.resnets)):
            x = self._layer(number, paddle.concat([x, left.pop()], axis=1), time, branches, texts)
        for upsampler in self.upsamplers:
            x = upsampler(x, *left[-1].shape[2:])
        return x
