"""FreeU (arXiv 2309.11497, section 3.2): a UNet's backbone stronger, and less that is coarse of its skips."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import paddle


class FreeU(NamedTuple):
    """Factors for the first and the second level on the way up, >= 0; 1 leaves all as it is.

    ``b1``, ``b2``: of half of the backbone's channels. ``s1``, ``s2``: of the lowest frequencies of the skips.
    """

    b1: float = 1.0
    b2: float = 1.0
    s1: float = 1.0
    s2: float = 1.0

    @property
    def levels(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """The factors of backbone and skips of each level."""
        return (self.b1, self.s1), (self.b2, self.s2)


def changed(joined: paddle.Tensor, backbone: int, strength: float, coarse: float) -> paddle.Tensor:
    """What a layer takes, with other strengths.

    Args:
        joined: ``[rows, channels, height, width]``, first the channels of the backbone, then those of the skip.
        backbone: their number.
        strength: factor of the first half of the backbone's channels.
        coarse: factor of the lowest frequencies of the skip, those 0 and -1 along each axis.
    """
    half = backbone // 2
    skip = joined[:, backbone:].astype("float32")
    skip = skip + (coarse - 1) * _lowest(skip)
    return paddle.concat([joined[:, :half] * strength, joined[:, half:backbone], skip.astype(joined.dtype)], axis=1)


def _lowest(features: paddle.Tensor) -> paddle.Tensor:
    """The part of these frequencies: as by a Fourier transform and back, of which engines know nothing."""
    parts = zip(*(_waves(side) for side in features.shape[2:]))  # of rows and columns: real, then imaginary
    real, turned = (paddle.matmul(paddle.matmul(rows, features), columns, transpose_y=True) for rows, columns in parts)
    return real - turned


def _waves(side: int) -> tuple[paddle.Tensor, paddle.Tensor]:
    """What takes the frequencies 0 and -1 out of numbers along an axis: real and imaginary, ``[side, side]``."""
    places = np.arange(side)
    turns = 2 * np.pi * (places[:, None] - places) / side
    waves = (1 + np.exp(-1j * turns)) / side if side > 1 else np.ones([1, 1], complex)
    return paddle.to_tensor(waves.real, "float32"), paddle.to_tensor(waves.imag, "float32")
