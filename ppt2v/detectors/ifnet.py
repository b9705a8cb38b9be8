"""The network of RIFE, which finds a frame between two frames (Huang et al., arXiv 2011.06294), on Paddle.

Its blocks look at the frames ever finer. Each improves the flow from the moment in between to either frame, and the
mask that says how much of each is taken.
"""

from __future__ import annotations

from typing import NamedTuple

import paddle
from paddle import nn
from paddle.nn import functional as F

_SLOPE = 0.2  # of the leaky ReLUs
_HEAD = 16  # channels within what encodes a frame


class Form(NamedTuple):
    """What tells the networks of RIFE's versions apart.

    Args:
        widths: channels within each block, the coarsest first; each sees twice the size of the one before.
        outputs: channels that a block gives: four of flow, one of the mask, and what else.
        encoded: channels in which a frame is encoded; 0: blocks see the frames alone, and their masks add up, where
            otherwise the last one counts, and what else a block gives is handed on to the next.
    """

    widths: tuple[int, ...]
    outputs: int
    encoded: int

    @property
    def multiple(self) -> int:
        """Of which the sides of frames have to be multiples, in pixels."""
        return 4 * 2 ** (len(self.widths) - 1)

    @property
    def inputs(self) -> tuple[int, int]:
        """Channels that the first block and the others are given, but for the flow."""
        frames = 2 * (3 + self.encoded) + 1
        return frames, frames + (self.outputs - 4 if self.encoded else 1)


class IFNet(nn.Layer):
    """Frames ``[N, 3, H, W]`` in 0..1, and a moment ``[N, 1, H, W]`` in 0..1 (0: the first), to the frame there.

    H and W are multiples of ``form.multiple``.
    """

    def __init__(self, form: Form) -> None:
        super().__init__()
        self.form = form
        first, others = form.inputs
        for number, width in enumerate(form.widths):
            inputs = others + 4 if number else first
            self.add_sublayer(f"block{number}", _Block(inputs, width, form.outputs))
        if form.encoded:
            self.encode = _Head(form.encoded)

    def forward(self, before, after, moment):
        frames = [before, after]
        encoded = [self.encode(frame) for frame in frames] if self.form.encoded else []
        flow, mask, handed = self.block0(paddle.concat([*frames, *encoded, moment], 1), None, self._scale(0))
        for number in range(1, len(self.form.widths)):
            moved = [*_moved(frames, flow), *_moved(encoded, flow)]
            seen = paddle.concat([*moved, moment, mask, *([handed] if encoded else [])], 1)
            change, own, handed = getattr(self, f"block{number}")(seen, flow, self._scale(number))
            flow, mask = flow + change, own if encoded else mask + own
        one, other = _moved(frames, flow)
        share = F.sigmoid(mask)
        return share * one + (1 - share) * other

    def _scale(self, block: int) -> int:
        """By how much the frames are shrunk that a block sees."""
        return 2 ** (len(self.form.widths) - 1 - block)


class _Block(nn.Layer):
    """Features ``[N, C, H, W]`` and the flow so far, if there is one, to a change of the flow, a mask, and the rest."""

    def __init__(self, inputs: int, width: int, outputs: int) -> None:
        super().__init__()
        self.conv0 = nn.Sequential(_halving(inputs, width // 2), _halving(width // 2, width))
        self.convblock = nn.Sequential(*(_Residual(width) for _ in range(8)))
        self.lastconv = nn.Sequential(nn.Conv2DTranspose(width, 4 * outputs, 4, 2, 1), nn.PixelShuffle(2))

    def forward(self, features, flow, scale: int):
        size = features.shape[2:]
        small = [side // scale for side in size]
        seen = _resized(features, small)
        if flow is not None:
            seen = paddle.concat([seen, _resized(flow, small) / scale], 1)
        found = _resized(self.lastconv(self.convblock(self.conv0(seen))), size)
        return found[:, :4] * scale, found[:, 4:5], found[:, 5:]


class _Residual(nn.Layer):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2D(width, width, 3, padding=1)
        self.beta = self.create_parameter([1, width, 1, 1], default_initializer=nn.initializer.Constant(1.0))

    def forward(self, features):
        return F.leaky_relu(self.conv(features) * self.beta + features, _SLOPE)


class _Head(nn.Layer):
    """Encodes a frame, at its own size."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.cnn0 = nn.Conv2D(3, _HEAD, 3, 2, 1)
        self.cnn1 = nn.Conv2D(_HEAD, _HEAD, 3, padding=1)
        self.cnn2 = nn.Conv2D(_HEAD, _HEAD, 3, padding=1)
        self.cnn3 = nn.Conv2DTranspose(_HEAD, outputs, 4, 2, 1)

    def forward(self, frame):
        for part in (self.cnn0, self.cnn1, self.cnn2):
            frame = F.leaky_relu(part(frame), _SLOPE)
        return self.cnn3(frame)


def _halving(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2D(inputs, outputs, 3, 2, 1), nn.LeakyReLU(_SLOPE))


def _resized(features, size: list[int]):
    if features.shape[2:] == size:
        return features
    return F.interpolate(features, size, mode="bilinear", align_corners=False)


def _moved(pair: list, flow) -> list:
    """What each of two, of the first frame and of the second one, shows at the ends of its two channels of the flow."""
    return [_taken(each, flow[:, 2 * number : 2 * number + 2]) for number, each in enumerate(pair)]


def _taken(picture, flow):
    """What a picture ``[N, C, H, W]`` has at the ends of the flow ``[N, 2, H, W]`` in pixels; at the edge beyond it."""
    height, width = picture.shape[2:]
    x = paddle.linspace(-1, 1, width).reshape([1, 1, width]) + flow[:, 0] * (2 / (width - 1))
    y = paddle.linspace(-1, 1, height).reshape([1, height, 1]) + flow[:, 1] * (2 / (height - 1))
    return F.grid_sample(picture, paddle.stack([x, y], -1), padding_mode="border", align_corners=True)
