"""Which part of a clip is slow and large, and which fast and fine: pure functions."""

from __future__ import annotations

import numpy as np

STOP = 0.25  # where the low frequencies end, as a share of the highest one, in time and in space
ORDER = 4  # how sharply


def joined(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The low frequencies of one clip with the high ones of another (FreeInit, arXiv 2312.07537, section 4.1).

    Args:
        low, high: float32 ``[frames, channels, height, width]``; so is the result.
    """
    axes, kept = (0, 2, 3), _low_pass(low.shape[0], *low.shape[2:])[:, None]
    spectrum = np.fft.fftn(high, axes=axes)
    spectrum += np.fft.ifftshift(kept, axes=axes) * (np.fft.fftn(low, axes=axes) - spectrum)
    return np.fft.ifftn(spectrum, axes=axes).real.astype(np.float32)


def _low_pass(*sides: int) -> np.ndarray:
    """The share of each frequency that is low, 0..1, by a Butterworth filter; frequency 0 is in the middle."""
    places = np.meshgrid(*(2 * np.arange(side) / side - 1 for side in sides), indexing="ij")
    distance = sum(place**2 for place in places)
    return 1 / (1 + (distance / STOP**2) ** ORDER)
