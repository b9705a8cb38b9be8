"""The colours of a decoded frame as RGB for an ordinary (SDR) screen.

High dynamic range is mapped as ITU-R BT.2408 does for reference white: 203 cd/m2 become the screen's white, what is
brighter is clipped; below it a picture that was made for SDR comes out as it was.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from .scaling import resample

# Code points of ITU-T H.273.
_PQ, _HLG, _BT2020, _UNSPECIFIED = 16, 18, 9, 2
_REFERENCE_WHITE = 203.0  # cd/m2
_SDR_GAMMA = 2.4  # ITU-R BT.1886
_HLG_SCREEN, _HLG_GAMMA = 1000.0, 1.2  # cd/m2; ITU-R BT.2100
_BT2020_TO_BT709 = np.array(  # of linear light; ITU-R BT.2087
    [[1.660491, -0.587641, -0.072850], [-0.124550, 1.132900, -0.008349], [-0.018151, -0.100579, 1.118730]], np.float32
)
_BT2020_LUMINANCE = np.array([0.2627, 0.6780, 0.0593], np.float32)  # ITU-R BT.2100


class Colour(NamedTuple):
    """How the colours of a clip are coded: transfer characteristics and primaries, as ITU-T H.273 numbers them."""

    transfer: int = _UNSPECIFIED
    primaries: int = _UNSPECIFIED

    @property
    def high_dynamic_range(self) -> str | None:
        """What kind of it there is, in a word."""
        return {_PQ: "PQ", _HLG: "HLG"}.get(self.transfer)

    @property
    def _is_wide(self) -> bool:
        return self.high_dynamic_range is not None or self.primaries == _BT2020

    def picture(self, frame: Any, height: int, width: int, convert: Any) -> np.ndarray:
        """A decoded frame (``av.VideoFrame``) as uint8 RGB ``[height, width, 3]``; what is transparent lies on white.

        Args:
            convert: ``reformat`` of a ``VideoReformatter``, the same one for all frames of a clip.
        """
        if _has_alpha(frame):
            return resample(on_white(convert(frame, format="rgba").to_ndarray()), height, width)
        if not self._is_wide:
            return resample(convert(frame, format="rgb24").to_ndarray(), height, width)
        matrix = "BT2020" if frame.colorspace == _UNSPECIFIED else None
        wide = convert(frame, format="rgb48le", src_colorspace=matrix).to_ndarray()
        return self._narrowed(resample(wide, height, width))

    def _narrowed(self, wide: np.ndarray) -> np.ndarray:
        """uint16 RGB ``[H, W, 3]`` of BT.2020 as uint8 RGB of BT.709."""
        light = _light(self.transfer)[wide]
        if self.transfer == _HLG:
            luminance = np.maximum(light @ _BT2020_LUMINANCE, 1e-9)[..., None]
            light *= _HLG_SCREEN / _REFERENCE_WHITE * luminance ** (_HLG_GAMMA - 1)
        shown = np.clip(light @ _BT2020_TO_BT709.T, 0, 1) ** (1 / _SDR_GAMMA)
        return np.rint(shown * 255).astype(np.uint8)


@lru_cache(maxsize=4)
def _light(transfer: int) -> np.ndarray:
    """The light of each uint16 code, float32 ``[65536]``: of the screen, with reference white as 1; for HLG of the
    scene, with its brightest as 1."""
    code = np.arange(65536) / 65535
    if transfer == _PQ:  # ITU-R BT.2100, table 4
        m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
        root = code ** (1 / m2)
        light = 10000 * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1) / _REFERENCE_WHITE
    elif transfer == _HLG:  # table 5
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        light = np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)
    else:
        light = code**_SDR_GAMMA
    return light.astype(np.float32)


def _has_alpha(frame: Any) -> bool:
    return frame.format.has_palette or any(component.is_alpha for component in frame.format.components)


def on_white(picture: np.ndarray) -> np.ndarray:
    """uint8 RGBA ``[H, W, 4]`` on a white ground, as on a web page: uint8 RGB ``[H, W, 3]``."""
    colour, alpha = picture[..., :3].astype(np.uint16), picture[..., 3:].astype(np.uint16)
    return ((colour * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
