"""Token merging (arXiv 2303.17604, section 3): a layer works on fewer tokens, the most alike having been averaged."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import paddle
import paddle.nn.functional as F

CELL = 2  # in each square of so many tokens one is a destination, into which others may be merged


class Merging:
    """Merges the tokens of pictures of one size.

    Which tokens are destinations is drawn once, by a generator of its own: the noise of a run does not depend on it,
    nor on the engine.

    Args:
        ratio: share of the tokens that are merged into others, 0..1; of a quarter, the destinations, none is.
        height, width: of the grid of tokens; layers with other grids keep all of theirs.
    """

    def __init__(self, ratio: float, height: int, width: int):
        self.count = height * width
        self.destinations = _draw_destinations(height, width)
        self.sources = np.setdiff1d(np.arange(self.count), self.destinations)
        self.merged = min(int(self.count * ratio), len(self.sources))

    def __call__(self, tokens: paddle.Tensor) -> Merged:
        """Merges ``[rows, tokens, channels]``."""
        if tokens.shape[1] != self.count or not self.merged:
            return Merged(tokens, None)
        sources, destinations = _pick(tokens, self.sources), _pick(tokens, self.destinations)
        likeness = paddle.matmul(F.normalize(sources, axis=2), F.normalize(destinations, axis=2), transpose_y=True)
        best, nearest = paddle.topk(likeness, 1, axis=2)
        order = paddle.argsort(best, axis=1, descending=True)
        moved = _look_up(sources, order[:, : self.merged])
        into = _look_up(nearest, order[:, : self.merged]).expand([-1, -1, tokens.shape[2]])
        averaged = paddle.put_along_axis(destinations, into, moved, 1, "mean", include_self=True)
        kept = _look_up(sources, order[:, self.merged :])
        return Merged(paddle.concat([kept, averaged], axis=1), self._places(order, nearest))

    def _places(self, order: paddle.Tensor, nearest: paddle.Tensor) -> paddle.Tensor:
        """Where each token is found after merging: the kept sources come first, then the destinations."""
        rank, kept = paddle.argsort(order, axis=1), len(self.sources) - self.merged
        of_sources = paddle.where(rank < self.merged, nearest + kept, rank - self.merged)
        of_destinations = paddle.zeros_like(order[:, :1]) + paddle.arange(kept, kept + len(self.destinations))[:, None]
        in_order = np.argsort(np.concatenate([self.sources, self.destinations]))
        return _pick(paddle.concat([of_sources, of_destinations], axis=1), in_order)


class Merged(NamedTuple):
    """Tokens after merging, and where each of the former tokens is found among them; None: at its own place."""

    tokens: paddle.Tensor
    places: paddle.Tensor | None

    def undo(self, tokens: paddle.Tensor) -> paddle.Tensor:
        """Gives every former token what became of the one that it was merged into."""
        return tokens if self.places is None else _look_up(tokens, self.places)


def _draw_destinations(height: int, width: int) -> np.ndarray:
    rows, columns = height // CELL, width // CELL
    within = np.random.default_rng(0).integers(CELL * CELL, size=(rows, columns))
    row = np.arange(rows)[:, None] * CELL + within // CELL
    column = np.arange(columns) * CELL + within % CELL
    return np.sort((row * width + column).ravel())


def _pick(tokens: paddle.Tensor, numbers: np.ndarray) -> paddle.Tensor:
    """The same tokens of all rows."""
    return paddle.gather(tokens, paddle.to_tensor(numbers), axis=1)


def _look_up(tokens: paddle.Tensor, index: paddle.Tensor) -> paddle.Tensor:
    """The tokens that ``index``, ``[rows, some, 1]``, names in each row."""
    return paddle.take_along_axis(tokens, index.expand([-1, -1, tokens.shape[2]]), 1)
