"""Depth from single frames by the small network that ships: inverted residuals (MobileNetV2, arXiv 1801.04381) in a
U-Net, with the mean over the whole picture at its bottom."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import paddle
from paddle import nn
from paddle.nn import functional as F

from ppt2v.language import words
from ppt2v.models.formats import fitting, reading
from ppt2v.models.sources import locate

FILES = ("mobile_unet.safetensors",)

_SIDE = 128  # pixels, of the pictures that it was trained on
_STEM = 16
_STAGES = ((24, 2), (40, 3), (72, 4), (112, 3))  # channels and blocks, each stage at half the resolution
_EXPANSION = 4


class _Unit(nn.Conv2D):
    """A convolution, with the batch norm that it was trained with in its weights, and perhaps ReLU6."""

    def __init__(
        self, inputs: int, outputs: int, side: int = 1, stride: int = 1, groups: int = 1, active: bool = True
    ) -> None:
        super().__init__(inputs, outputs, side, stride, side // 2, groups=groups)
        self.active = active

    def forward(self, features):
        features = super().forward(features)
        return F.relu6(features) if self.active else features


class _Block(nn.Layer):
    """An inverted residual: wider, over the neighbours, narrower."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        wide = _EXPANSION * inputs
        self.wider = _Unit(inputs, wide)
        self.over = _Unit(wide, wide, 3, stride, groups=wide)
        self.narrower = _Unit(wide, outputs, active=False)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, features):
        changed = self.narrower(self.over(self.wider(features)))
        return features + changed if self.residual else changed


class _Merge(nn.Layer):
    """Features, enlarged, and those of the encoder at that size."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.coarse, self.fine = _Unit(inputs, outputs, active=False), _Unit(outputs, outputs, active=False)
        self.mixed = _Block(outputs, outputs)

    def forward(self, features, skipped):
        enlarged = F.interpolate(self.coarse(features), skipped.shape[2:], mode="bilinear", align_corners=False)
        return self.mixed(F.relu6(enlarged + self.fine(skipped)))


class MobileUNet(nn.Layer):
    """Pictures ``[N, 3, H, W]`` in -1..1, sides multiples of 32, to inverse depth ``[N, 1, H / 2, W / 2]``."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = _Unit(3, _STEM, 3, 2)
        widths = [_STEM, *(width for width, _ in _STAGES)]
        self.stages = nn.LayerList(
            nn.Sequential(_Block(before, width, 2), *(_Block(width, width) for _ in range(count - 1)))
            for before, (width, count) in zip(widths, _STAGES)
        )
        self.whole = _Unit(widths[-1], widths[-1])
        self.merges = nn.LayerList(_Merge(low, high) for low, high in zip(widths[:0:-1], widths[-2::-1]))
        self.head = nn.Conv2D(_STEM, 1, 3, padding=1)

    def forward(self, pictures):
        kept = [self.stem(pictures)]
        for stage in self.stages:
            kept.append(stage(kept[-1]))
        features = kept.pop()
        features = features + self.whole(features.mean((2, 3), keepdim=True))
        for merge in self.merges:
            features = merge(features, kept.pop())
        return self.head(features)


class SmallDepthNetwork:
    """Inverse depth of a frame of any size, roughly.

    Args:
        weights: a ``mobile_unet.safetensors`` or where one is, as ``locate.locate_file``.

    Raises:
        InputError: there is no such file, or its weights are not exactly those of the network.
    """

    def __init__(self, weights: str | Path) -> None:
        file = locate.locate_file(weights, FILES, words("weights of the small depth network"))
        self.network = MobileUNet()
        self.network.eval()
        fitting.put(self.network, reading.read(file), str(file))

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """Inverse depth float32 ``[H, W]``, larger is nearer, of a frame uint8 RGB ``[H, W, 3]``."""
        square = cv2.resize(frame, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)  # stretched, as in its training
        picture = (square.astype(np.float32) / 127.5 - 1).transpose(2, 0, 1)[None]
        with paddle.no_grad():
            nearness = self.network(paddle.to_tensor(picture))[0, 0].numpy()
        return cv2.resize(nearness, frame.shape[1::-1], interpolation=cv2.INTER_CUBIC)
