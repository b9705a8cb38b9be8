"""Noise that moves with a picture and stays white (How I Warped Your Noise, ICLR 2024, section 3): pure functions.

Interpolating noise makes it weaker and takes its grain. So it is first made finer: each cell becomes many smaller ones,
which together are that cell. A moved cell is then made of the small ones that lie under it.
"""

from __future__ import annotations

import numpy as np

FINENESS = 4  # small cells along the side of a cell


def finer(noise: np.ndarray, fresh: np.ndarray) -> np.ndarray:
    """White noise on a finer grid whose cells add up, over ``FINENESS``, to the given noise.

    Args:
        noise: standard normal, float ``[channels, height, width]``.
        fresh: likewise, other noise, ``FINENESS`` times as high and wide.
    """
    blocks = _blocks(fresh)
    made = blocks - blocks.mean((2, 4), keepdims=True) + noise[:, :, None, :, None] / FINENESS
    return made.reshape(fresh.shape)


def gathered(fine: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Fine noise as cells that look elsewhere see it: standard normal, ``[channels, height, width]``.

    Args:
        fine: as ``finer`` gives it.
        grid: where each small cell looks, as ``motion.Movement.grid`` gives it for one frame; mirrored at the edges.
    """
    height, width = fine.shape[1:]
    columns, rows = (_mirrored(grid[..., axis], size) for axis, size in ((0, width), (1, height)))
    sums = _blocks(fine[:, rows, columns]).sum((2, 4))
    seen = _blocks((rows * width + columns)[None])[0].transpose(0, 2, 1, 3).reshape(*sums.shape[1:], -1)
    # Where a picture is enlarged several small cells see the same one, which then counts as often.
    pairs = (seen[..., :, None] == seen[..., None, :]).sum((-2, -1))
    return sums / np.sqrt(pairs)


def _blocks(fine: np.ndarray) -> np.ndarray:
    """``[channels, height, FINENESS, width, FINENESS]``."""
    channels, height, width = fine.shape
    return fine.reshape(channels, height // FINENESS, FINENESS, width // FINENESS, FINENESS)


def _mirrored(places: np.ndarray, size: int) -> np.ndarray:
    """The cells, of ``size`` along an axis, at places -1..1; beyond the edges they are mirrored."""
    cells = np.floor((places + 1) / 2 * size).astype(np.int64) % (2 * size)
    return np.minimum(cells, 2 * size - 1 - cells)
