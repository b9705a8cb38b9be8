"""Frames that are larger than what a network knows, or than the memory holds: tiles that overlap.

At each step the predictions of all tiles are blended, and the step is made with the whole, so that the tiles become one
picture (MultiDiffusion, arXiv 2302.08113, section 4, with weights that fall towards the edges of a tile).
"""

from __future__ import annotations

import paddle

from .around import Around
from .tiles import in_tiles


class Tiled(Around):
    """Predicts the noise of large frames tile by tile.

    Args:
        network: predicts that of a tile, for all frames; no frame may attend to one of an earlier call.
        side: of a tile, in cells of the latents; smaller frames are one tile.
    """

    anchored = False
    memory = None  # no frame is remembered for others

    def __init__(self, network, side: int):
        super().__init__(network)
        self._side = side

    def __call__(self, latents: paddle.Tensor, step: int, frame_ids: list[int]) -> paddle.Tensor:
        """The prediction of each branch at a step: float32 ``[branches * frames, channels, height, width]``."""
        return in_tiles(lambda tile: self.network(tile, step, frame_ids), latents, self._side)

    def forget(self) -> None:
        """Nothing is remembered."""
