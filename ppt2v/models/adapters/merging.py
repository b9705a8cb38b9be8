"""Adapters merged into the weights of a network as they are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .changes import Change


class Merge:
    """What a run's adapters add to one network: changes and their strengths by the names of its weights.

    Each change is that of the weight before any, so that the order of adapters does not matter.
    """

    def __init__(self, changes: Mapping[str, Sequence[tuple[Change, float]]], fingerprint: str):
        self._changes, self.fingerprint = changes, fingerprint

    def __call__(self, name: str, weight: np.ndarray) -> np.ndarray:
        """The changed weight, in Paddle's layout and float32; the weight itself where no adapter concerns it."""
        if name not in self._changes:
            return weight
        linear = weight.ndim == 2  # which Paddle keeps transposed
        before = (weight.T if linear else weight).astype(np.float32)
        after = before
        for change, strength in self._changes[name]:
            after = after + np.float32(strength) * change.difference(before)
        return after.T if linear else after
