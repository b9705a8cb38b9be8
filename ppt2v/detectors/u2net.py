"""Which pixels belong to the subject: U2-Net (Qin et al., arXiv 2005.09007) on Paddle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
import paddle
from paddle import nn
from paddle.nn import functional as F
from PIL import Image

from ppt2v.errors import InputError
from ppt2v.language import words
from ppt2v.models.formats import fitting, reading
from ppt2v.models.sources import locate

# U2-Net and its small variant, as published, as in PaddleHub, and converted.
FILES = (
    "u2net.pth",
    "u2netp.pth",
    "u2net.pdparams",
    "u2netp.pdparams",
    "u2net.safetensors",
    "u2netp.safetensors",
    "model.safetensors",
)

_SIDE = 320  # pixels, of the pictures that the published weights were trained on
_MEAN, _STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])  # of ImageNet, RGB

# Name and depth of each residual U-block; the flat ones dilate where the others pool.
_ENCODER = (("stage1", 7), ("stage2", 6), ("stage3", 5), ("stage4", 4), ("stage5", 4), ("stage6", 4))
_DECODER = (("stage5d", 4), ("stage4d", 4), ("stage3d", 5), ("stage2d", 6), ("stage1d", 7))
_FLAT = ("stage5", "stage6", "stage5d")


class U2Net(nn.Layer):
    """Pictures ``[N, 3, H, W]`` to the probability ``[N, 1, H, W]`` that a pixel belongs to the salient object.

    Args:
        widths: channels (in, within, out) of each U-block, by its name; they make the difference between U2-Net and
            its small variant.
    """

    def __init__(self, widths: dict[str, tuple[int, int, int]]) -> None:
        super().__init__()
        for name, depth in _ENCODER + _DECODER:
            self.add_sublayer(name, _UBlock(*widths[name], depth, name in _FLAT))
        sides = ("stage1d", "stage2d", "stage3d", "stage4d", "stage5d", "stage6")
        for number, name in enumerate(sides, start=1):
            self.add_sublayer(f"side{number}", nn.Conv2D(widths[name][2], 1, 3, padding=1))
        self.outconv = nn.Conv2D(len(sides), 1, 1)

    def forward(self, pictures):
        encoded = [self.stage1(pictures)]
        for name, _ in _ENCODER[1:]:
            encoded.append(getattr(self, name)(_halved(encoded[-1])))
        decoded = [encoded.pop()]
        for name, _ in _DECODER:
            skipped = encoded.pop()
            decoded.append(getattr(self, name)(paddle.concat([_enlarged(decoded[-1], skipped), skipped], 1)))
        sides = [getattr(self, f"side{number}")(features) for number, features in enumerate(decoded[::-1], start=1)]
        return F.sigmoid(self.outconv(paddle.concat([_enlarged(side, pictures) for side in sides], 1)))


class _UBlock(nn.Layer):
    """A residual U-block (section 3.1)."""

    def __init__(self, inputs: int, within: int, outputs: int, depth: int, flat: bool) -> None:
        super().__init__()
        self.depth, self.flat = depth, flat
        self.rebnconvin = _Convolution(inputs, outputs, 1)
        for level in range(1, depth + 1):
            dilation = 2 ** (level - 1) if flat else 2 if level == depth else 1
            self.add_sublayer(f"rebnconv{level}", _Convolution(outputs if level == 1 else within, within, dilation))
        for level in range(depth - 1, 0, -1):
            dilation = 2 ** (level - 1) if flat else 1
            self.add_sublayer(
                f"rebnconv{level}d", _Convolution(2 * within, outputs if level == 1 else within, dilation)
            )

    def forward(self, features):
        start = self.rebnconvin(features)
        encoded = [self.rebnconv1(start)]
        for level in range(2, self.depth + 1):
            pooled = not self.flat and level < self.depth
            encoded.append(getattr(self, f"rebnconv{level}")(_halved(encoded[-1]) if pooled else encoded[-1]))
        decoded = encoded.pop()
        for level in range(self.depth - 1, 0, -1):
            skipped = encoded.pop()
            decoded = getattr(self, f"rebnconv{level}d")(paddle.concat([_enlarged(decoded, skipped), skipped], 1))
        return decoded + start


class _Convolution(nn.Layer):
    def __init__(self, inputs: int, outputs: int, dilation: int) -> None:
        super().__init__()
        self.conv_s1 = nn.Conv2D(inputs, outputs, 3, padding=dilation, dilation=dilation)
        self.bn_s1 = nn.BatchNorm2D(outputs)

    def forward(self, features):
        return F.relu(self.bn_s1(self.conv_s1(features)))


def _halved(features):
    return F.max_pool2d(features, 2, 2, ceil_mode=True)


def _enlarged(features, like):
    """The features at the size of others."""
    if features.shape[2:] == like.shape[2:]:
        return features
    return F.interpolate(features, like.shape[2:], mode="bilinear", align_corners=False)


class SalientObject:
    """Finds the subject of a frame.

    Args:
        weights: u2net or u2netp as .pth, .pdparams or .safetensors, or where one is, as ``locate.locate_file``.
            Channels are taken from the file, so that any network of this form fits.

    Raises:
        InputError: there is no such file, or it is not exactly a U2-Net.
    """

    def __init__(self, weights: str | Path) -> None:
        file = locate.locate_file(weights, FILES, words("weights of U2-Net"))
        loaded = reading.read(file)
        self.network = U2Net(_widths(loaded, file))
        self.network.eval()
        fitting.put(self.network, loaded, str(file))

    def masks(self, frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """One mask float32 ``[H, W]`` per frame (uint8 RGB ``[H, W, 3]``): 1 is the subject, 0 the background."""
        return (self(frame) for frame in frames)

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """The mask of one frame; stretched, as published, so that its least is 0 and its most 1."""
        with paddle.no_grad():
            mask = self.network(paddle.to_tensor(_picture(frame)))[0, 0].numpy()
        low, high = mask.min(), mask.max()
        mask = (mask - low) / max(high - low, np.finfo(np.float32).tiny)
        return cv2.resize(mask, frame.shape[1::-1], interpolation=cv2.INTER_LINEAR)


def _picture(frame: np.ndarray) -> np.ndarray:
    """float32 ``[1, 3, 320, 320]``."""
    square = np.asarray(Image.fromarray(frame).resize((_SIDE, _SIDE), Image.Resampling.BILINEAR), np.float32)
    picture = (square / max(square.max(), 1) - _MEAN) / _STD
    return picture.transpose(2, 0, 1)[None].astype(np.float32)


def _widths(loaded: reading.WeightFile, file: Path) -> dict[str, tuple[int, int, int]]:
    try:
        return {name: _width(loaded.tensors, name) for name, _ in _ENCODER + _DECODER}
    except KeyError as error:
        raise InputError(
            "E-SALIENCY-WEIGHTS",
            "{file} has no {weight}: it does not hold the weights of a U2-Net",
            file=file,
            weight=error.args[0],
        ) from None


def _width(tensors: dict[str, np.ndarray], name: str) -> tuple[int, int, int]:
    outputs, inputs = tensors[f"{name}.rebnconvin.conv_s1.weight"].shape[:2]
    return inputs, tensors[f"{name}.rebnconv1.conv_s1.weight"].shape[0], outputs
