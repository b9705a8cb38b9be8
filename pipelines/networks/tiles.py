"""Large frames in the memory of small ones: tile by tile."""

from __future__ import annotations

from collections.abc import Callable

import paddle

OVERLAP = 4  # a tile shares one part in so many of its side with each neighbour


Make = Callable[[paddle.Tensor], paddle.Tensor]


def in_tiles(make: Make, latents: paddle.Tensor, side: int) -> paddle.Tensor:
    """What is made of frames, tile by tile; where tiles overlap, one fades into the next.

    Each tile is made without knowledge of the others, so that the whole differs a little from one made at once.

    Args:
        make: of latents ``[frames, channels, height, width]`` rows of pictures or of anything else that has the same
            size or a multiple of it: ``[rows, any, height * scale, width * scale]``.
        latents: ``[frames, channels, height, width]``.
        side: of a tile, in cells of the latents.

    Returns:
        float32 ``[rows, any, height * scale, width * scale]``; with one tile exactly what ``make`` gives.
    """
    height, width = (min(side, cells) for cells in latents.shape[2:])
    if [height, width] == list(latents.shape[2:]):
        return make(latents).astype("float32")
    total = weights = None
    for top in _starts(latents.shape[2], height):
        for left in _starts(latents.shape[3], width):
            tile = make(latents[:, :, top : top + height, left : left + width]).astype("float32")
            scale = tile.shape[2] // height
            if total is None:
                total = paddle.zeros([*tile.shape[:2], *(cells * scale for cells in latents.shape[2:])])
                weights = paddle.zeros([1, 1, *total.shape[2:]])
            fade = _fade(tile.shape[2])[:, None] * _fade(tile.shape[3])
            rows, columns = slice(top * scale, (top + height) * scale), slice(left * scale, (left + width) * scale)
            total[:, :, rows, columns] += tile * fade
            weights[:, :, rows, columns] += fade
    return total / weights


def _starts(cells: int, side: int) -> list[int]:
    """Where tiles begin so that the last one ends with the frame."""
    step = max(1, side - side // OVERLAP)
    return [*range(0, cells - side, step), cells - side]


def _fade(pixels: int) -> paddle.Tensor:
    """Weights that rise from the tile's edges over its overlap."""
    ramp = pixels // OVERLAP
    distance = paddle.minimum(paddle.arange(pixels), paddle.arange(pixels - 1, -1, -1)).astype("float32")
    return paddle.clip((distance + 1) / (ramp + 1), max=1.0)
