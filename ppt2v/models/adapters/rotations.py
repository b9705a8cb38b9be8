"""What OFT and BOFT change a weight by: rotations of its rows. Arrays and weights are those of ``changes``."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .arrays import Parts, Scale, Shape, check, needed, same, scalar, wide


class Rotation(NamedTuple):
    """OFT (arXiv 2306.07280): blocks of rows are rotated; BOFT (arXiv 2311.06243): in several steps, as a butterfly.

    ``blocks`` are ``[number, size, size]``, for BOFT with the steps in front. ``limit`` is that of their norm; 0: none.
    """

    shape: Shape
    blocks: np.ndarray
    limit: float
    rescale: np.ndarray | None

    @classmethod
    def of(cls, parts: Parts, _: Scale) -> Rotation:
        [blocks] = needed(parts, "oft_blocks")
        check(parts, blocks.ndim in (3, 4) and blocks.shape[-2] == blocks.shape[-1])
        number, size = blocks.shape[-3:-1]
        rows, rescale = number * size, parts.get("rescale")
        check(parts, rescale is None or rescale.size == rows)
        if blocks.ndim == 4:
            check(parts, size % 2 == 0 and rows % (2 ** len(blocks) * size // 2) == 0)
        return cls((rows, ...), blocks, rows * scalar(parts.get("alpha", np.zeros(()))), rescale)

    def fits(self, shape: tuple[int, ...]) -> bool:
        return same(self.shape, shape)

    def difference(self, weight: np.ndarray) -> np.ndarray:
        rotations, rows = self._rotations(), weight.reshape(len(weight), -1)
        rotated = _butterfly(rotations, rows) if rotations.ndim == 4 else _rotated(rotations.swapaxes(1, 2), rows)
        if self.rescale is not None:
            rotated = wide(self.rescale).reshape(-1, 1) * rotated
        return (rotated - rows).reshape(weight.shape)

    def _rotations(self) -> np.ndarray:
        """Cayley's transform of the blocks, made antisymmetric."""
        blocks = wide(self.blocks).astype(np.float64)
        turns = blocks - blocks.swapaxes(-1, -2)
        norm = np.linalg.norm(turns)
        if 0 < self.limit < norm:
            turns *= self.limit / norm
        identity = np.eye(blocks.shape[-1])
        return ((identity + turns) @ np.linalg.inv(identity - turns)).astype(np.float32)


def _rotated(rotations: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Rows [out, n] with each block of them multiplied by a matrix of ``rotations`` [number, size, size]."""
    return (rotations @ rows.reshape(len(rotations), rotations.shape[-1], -1)).reshape(rows.shape)


def _butterfly(rotations: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The same step by step, each mixing rows that lie twice as far apart as those of the step before."""
    half, inner = rotations.shape[-1] // 2, rows.shape[1]
    for step, blocks in enumerate(rotations):
        distance = 2**step * half
        near = rows.reshape(-1, 2, distance, inner).swapaxes(1, 2).reshape(rows.shape)
        rows = _rotated(blocks, near).reshape(-1, distance, 2, inner).swapaxes(1, 2).reshape(rows.shape)
    return rows
