"""Decoding in tiles: large frames in the memory of small ones."""

from __future__ import annotations

from collections.abc import Callable

import paddle

OVERLAP = 4  # a tile shares one part in so many of its side with each neighbour


Decode = Callable[[paddle.Tensor], paddle.Tensor]


def decode_in_tiles(decode: Decode, latent: paddle.Tensor, side: int) -> paddle.Tensor:
    """Decodes a frame tile by tile; where tiles overlap, one fades into the next.

    Each tile is decoded without knowledge of the others, so that the picture differs a little from one decoded whole.

    Args:
        decode: latents ``[1, channels, height, width]`` to a picture ``[1, 3, height * scale, width * scale]``.
        latent: ``[1, channels, height, width]``.
        side: of a tile, in cells of the latents.
    """
    height, width = (min(side, cells) for cells in latent.shape[2:])
    if [height, width] == list(latent.shape[2:]):
        return decode(latent).astype("float32")
    total = weights = None
    for top in _starts(latent.shape[2], height):
        for left in _starts(latent.shape[3], width):
            tile = decode(latent[:, :, top : top + height, left : left + width]).astype("float32")
            scale = tile.shape[2] // height
            if total is None:
                total = paddle.zeros([1, tile.shape[1], *(cells * scale for cells in latent.shape[2:])])
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
