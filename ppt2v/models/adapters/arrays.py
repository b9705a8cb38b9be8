"""The arrays that a file has for a layer: whether they go together, and as matrices in float32."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Callable, Optional

import numpy as np

from ppt2v.models.formats.dtypes import widen

Parts = Mapping[str, np.ndarray]  # the arrays that a file has for a layer, by their names there
Scale = Callable[[Optional[int]], float]  # alpha / rank; for None, the factor of a product of whole matrices
Shape = tuple[Any, ...]  # of a weight; None for a number that may be any, ... for any that follow


def needed(parts: Parts, *names: str) -> tuple[np.ndarray, ...]:
    """Those of these names; ValueError with the names of those that are missing."""
    missing = [name for name in names if name not in parts]
    if missing:
        raise ValueError(f"no {', '.join(missing)}")
    return tuple(parts[name] for name in names)


def matrices(parts: Parts, *names: str) -> tuple[np.ndarray, ...]:
    """The same of arrays that have two axes or more; ValueError where one has not."""
    found = needed(parts, *names)
    check(parts, all(array.ndim > 1 and array.size for array in found))
    return found


def check(parts: Parts, good: bool) -> None:
    """Raises ValueError with all shapes, unless it is good."""
    if not good:
        shapes = ", ".join(f"{name} {list(array.shape)}" for name, array in parts.items() if array.ndim)
        raise ValueError(f"parts that do not go together ({shapes})")


def same(own: Shape, shape: tuple[int, ...]) -> bool:
    """Whether a change's shape is that of a weight; a Linear layer is a convolution of 1x1."""
    if own[-1:] == (...,):
        return all(number in (None, other) for number, other in zip(own[:-1], shape))
    return own in (shape, (shape[0], math.prod(shape[1:]))) or _trimmed(own) == _trimmed(shape)


def _trimmed(shape: Shape) -> Shape:
    return shape[:2] if set(shape[2:]) <= {1} else shape


def wide(array: np.ndarray) -> np.ndarray:
    """In float32, from any type of numbers that files have."""
    return widen(array).astype(np.float32)


def scalar(array: np.ndarray) -> float:
    """The number in an array of one."""
    return float(widen(array).item())


def matrix(array: np.ndarray) -> np.ndarray:
    """[rows, all others]."""
    return array.reshape(len(array), -1)


def along(values: np.ndarray, axis: int, dimensions: int) -> np.ndarray:
    """A vector as a factor of the rows (axis 0) or columns of a weight."""
    return values.reshape([-1 if number == axis else 1 for number in range(dimensions)])


def product(a: np.ndarray, b: np.ndarray, core: np.ndarray | None = None) -> np.ndarray:
    """``a @ b``, [out, in * kernel]; with a core, both are [rank, ...]: [out, in, *kernel]."""
    a, b = wide(a), wide(matrix(b))
    return matrix(a) @ b if core is None else tucker(core, a, b)


def tucker(core: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """[out, in, *kernel] of a core [ranks, ranks, *kernel] and its factors [ranks, out] and [ranks, in]."""
    return np.einsum("ij...,io,jn->on...", wide(core), a, b, optimize=True)
