"""Which way up a picture is shown: what a container's display matrix says of it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Orientation(NamedTuple):
    """How a stored picture becomes an upright one: first its sides change places, then it is flipped.

    Every quarter turn and every mirror image is one of these eight.
    """

    transposed: bool = False
    rows_flipped: bool = False
    columns_flipped: bool = False

    @classmethod
    def of(cls, matrix: bytes) -> Orientation:
        """The nearest quarter turn, mirrored or not, of a display matrix.

        Args:
            matrix: nine int32 a, b, u, c, d, v, x, y, w: the point (p, q) of the stored picture, p to the right and q
                downwards, is shown at (a p + c q + x, b p + d q + y) (ISO/IEC 14496-12, 8.3.2, and FFmpeg's display.h).
        """
        a, b, _, c, d = np.frombuffer(matrix, np.int32)[:5].tolist()
        if abs(a) + abs(d) >= abs(b) + abs(c):
            return cls(False, rows_flipped=d < 0, columns_flipped=a < 0)
        return cls(True, rows_flipped=b < 0, columns_flipped=c < 0)

    def upright(self, picture: np.ndarray) -> np.ndarray:
        """The picture ``[H, W, 3]`` as it is shown."""
        turned = picture.swapaxes(0, 1) if self.transposed else picture
        return turned[:: -1 if self.rows_flipped else 1, :: -1 if self.columns_flipped else 1]

    def sides(self, height: int, width: int) -> tuple[int, int]:
        """Height and width as shown of a picture stored so; and the other way round."""
        return (width, height) if self.transposed else (height, width)
