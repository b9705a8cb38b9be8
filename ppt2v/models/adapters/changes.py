"""What the methods of fine-tuning add to a weight: LoRA, LoHa, LoKr, GLoRA, IA3, OFT, BOFT, whole differences, DoRA.

Weights and the arrays of files are in PyTorch's layout, ``[out, in, *kernel]``. What is added at strength 1 depends for
some methods on the weight itself. The formulas are those that LyCORIS 4.1 and PEFT 0.21 train with.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Callable, NamedTuple, Protocol

import numpy as np

from .arrays import Parts, Scale, Shape, along, check, matrices, matrix, needed, product, same, scalar, tucker, wide
from .rotations import Rotation


class Change(Protocol):
    """What a file adds to one weight or bias, of ``shape``."""

    @property
    def shape(self) -> Shape:
        """That of the weight."""

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Whether it belongs to a weight of this shape."""

    def difference(self, weight: np.ndarray) -> np.ndarray:
        """What is added to such a weight, which is in float32, at strength 1."""


def of_weight(parts: Parts, scale: Scale) -> Change | None:
    """What a layer's parts change its weight by; None where they concern its bias alone.

    Raises:
        ValueError: parts that are incomplete or do not go together by their shapes; the text names them.
    """
    methods = [method for names, method in _METHODS.items() if any(name in parts for name in names)]
    if not methods:
        return None
    if len(methods) > 1:
        raise ValueError(f"parts of more than one method ({', '.join(parts)})")
    change: Change = methods[0](parts, scale)
    for name in ("dora_scale", "lora_magnitude_vector"):
        if name in parts:
            change = Decomposed.of(change, parts[name], by_rows=name == "lora_magnitude_vector")
    return change


def of_bias(parts: Parts, scale: Scale) -> Change | None:
    """The same of its bias."""
    for name in ("diff_b", "b_norm", "lora_up_bias"):
        if name in parts:
            factor = scale(len(*needed(parts, "lora_down"))) if name == "lora_up_bias" else 1.0
            return Whole(parts[name].shape, parts[name], factor)
    return None


class Whole(NamedTuple):
    """The difference itself."""

    shape: Shape
    values: np.ndarray
    scale: float = 1.0

    @classmethod
    def of(cls, parts: Parts, _: Scale) -> Whole:
        values = parts["diff"] if "diff" in parts else parts["w_norm"]
        return cls(values.shape, values)

    def fits(self, shape: tuple[int, ...]) -> bool:
        return same(self.shape, shape)

    def difference(self, weight: np.ndarray) -> np.ndarray:
        return np.float32(self.scale) * wide(self.values).reshape(weight.shape)


class LowRank(NamedTuple):
    """LoRA (arXiv 2106.09685, section 4.1): ``up @ down``; with a core, in Tucker's form (arXiv 2108.06098)."""

    shape: Shape
    down: np.ndarray  # [rank, in * kernel]
    up: np.ndarray  # [out, rank]
    core: np.ndarray | None  # [rank, rank, *kernel]
    scale: float

    @classmethod
    def of(cls, parts: Parts, scale: Scale) -> LowRank:
        down, up = matrices(parts, "lora_down", "lora_up")
        core, rank = parts.get("lora_mid"), len(down)
        kernel = down.shape[2:] if core is None else core.shape[2:]
        check(parts, math.prod(up.shape[1:]) == rank and (core is None or core.shape[:2] == (rank, rank)))
        return cls((len(up), down.shape[1], *kernel), matrix(down), matrix(up), core, scale(rank))

    def fits(self, shape: tuple[int, ...]) -> bool:
        return same(self.shape, shape)

    def difference(self, weight: np.ndarray) -> np.ndarray:
        down, up = wide(self.down), wide(self.up)
        product = up @ down if self.core is None else tucker(self.core, up.T, down)
        return np.float32(self.scale) * product.reshape(weight.shape)


class Hadamard(NamedTuple):
    """LoHa (FedPara, arXiv 2108.06098, section 2.2): ``(w1_a @ w1_b) * (w2_a @ w2_b)``, each as in ``LowRank``."""

    shape: Shape
    first: tuple[np.ndarray, np.ndarray, np.ndarray | None]  # a, b and core
    second: tuple[np.ndarray, np.ndarray, np.ndarray | None]
    scale: float

    @classmethod
    def of(cls, parts: Parts, scale: Scale) -> Hadamard:
        if "hada_t1" not in parts and "hada_t2" not in parts:
            a, b, c, d = matrices(parts, "hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b")
            check(parts, a.shape[1] == len(b) and c.shape[1] == len(d) and len(a) == len(c) and b.shape == d.shape)
            halves = (matrix(a), matrix(b), None), (matrix(c), matrix(d), None)
            return cls((len(a), *b.shape[1:]), *halves, scale(len(b)))
        names = "hada_w1_a", "hada_w1_b", "hada_t1", "hada_w2_a", "hada_w2_b", "hada_t2"
        a, b, s, c, d, t = matrices(parts, *names)
        ranks = s.shape[:2] == (len(a), len(b)) and t.shape[:2] == (len(c), len(d))
        check(parts, ranks and s.shape[2:] == t.shape[2:] and a.shape[1] == c.shape[1] and b.shape[1] == d.shape[1])
        return cls((a.shape[1], b.shape[1], *s.shape[2:]), (a, b, s), (c, d, t), scale(len(b)))

    def fits(self, shape: tuple[int, ...]) -> bool:
        return same(self.shape, shape)

    def difference(self, weight: np.ndarray) -> np.ndarray:
        first, second = (product(*half) for half in (self.first, self.second))
        return np.float32(self.scale) * (first * second).reshape(weight.shape)


class Kronecker(NamedTuple):
    """LoKr (arXiv 2309.14859, section 3.2): the Kronecker product of ``w1`` and ``w2``, each whole or in factors."""

    shape: Shape
    first: tuple[np.ndarray, ...]  # w1 [a, b], or its factors
    second: tuple[np.ndarray, ...]  # w2 [c, d, *kernel], or its factors, or these and the core
    scale: float

    @classmethod
    def of(cls, parts: Parts, scale: Scale) -> Kronecker:
        first, second = (cls._factors(parts, f"lokr_{half}") for half in ("w1", "w2"))
        if "lokr_t2" in parts:
            second = (*matrices(parts, "lokr_w2_a", "lokr_w2_b", "lokr_t2"),)
            _, b, core = second
            kernel, sides = core.shape[2:], (second[0].shape[1], b.shape[1])
            check(parts, core.shape[:2] == (len(second[0]), len(b)))
        else:
            kernel, sides = second[-1].shape[2:], (len(second[0]), second[-1].shape[1])
            check(parts, len(second) == 1 or second[0].shape[1] == len(second[1]))
        check(parts, len(first) == 1 or first[0].shape[1] == len(first[1]))
        rank = next((len(factors[1]) for factors in (second, first) if len(factors) > 1), None)
        return cls((len(first[0]) * sides[0], first[-1].shape[1] * sides[1], *kernel), first, second, scale(rank))

    @staticmethod
    def _factors(parts: Parts, name: str) -> tuple[np.ndarray, ...]:
        return matrices(parts, *((name,) if name in parts else (f"{name}_a", f"{name}_b")))

    def fits(self, shape: tuple[int, ...]) -> bool:
        return same(self.shape, shape)

    def difference(self, weight: np.ndarray) -> np.ndarray:
        first, second = (
            wide(matrix(factors[0])) if len(factors) == 1 else product(*factors)
            for factors in (self.first, self.second)
        )
        return np.float32(self.scale) * np.kron(first, second.reshape(len(second), -1)).reshape(weight.shape)


class Generalised(NamedTuple):
    """GLoRA (arXiv 2306.07967): ``W @ a1 @ a2 + b1 @ b2``, the latter as in ``LowRank``."""

    shape: Shape
    inner: tuple[np.ndarray, np.ndarray]  # a1 [in, rank], a2 [rank, in]
    outer: LowRank
    scale: float

    @classmethod
    def of(cls, parts: Parts, scale: Scale) -> Generalised:
        a1, a2, b1, b2 = matrices(parts, "a1", "a2", "b1", "b2")
        outer = {"lora_up": b1, "lora_down": b2, **({"lora_mid": parts["bm"]} if "bm" in parts else {})}
        check(parts, len(a1) == a2.shape[1] == b2.shape[1] and a1.shape[1] == len(a2))
        low_rank = LowRank.of(outer, lambda _: 1.0)
        return cls(low_rank.shape, (matrix(a1), matrix(a2)), low_rank, scale(len(a2)))

    def fits(self, shape: tuple[int, ...]) -> bool:
        return same(self.shape, shape)

    def difference(self, weight: np.ndarray) -> np.ndarray:
        a1, a2 = (wide(matrix) for matrix in self.inner)
        inner = np.einsum("oi...,ir,rj->oj...", weight, a1, a2, optimize=True)
        return np.float32(self.scale) * (inner + self.outer.difference(weight))


class Factors(NamedTuple):
    """IA3 (arXiv 2205.05638): each row or column is multiplied by 1 + its factor."""

    shape: Shape
    values: np.ndarray
    axis: int

    @classmethod
    def of(cls, parts: Parts, _: Scale) -> Factors:
        values, on_input = needed(parts, "weight", "on_input")
        axis = int(bool(scalar(on_input)))
        return cls((None, values.size, ...) if axis else (values.size, ...), values, axis)

    def fits(self, shape: tuple[int, ...]) -> bool:
        return same(self.shape, shape)

    def difference(self, weight: np.ndarray) -> np.ndarray:
        return weight * along(wide(self.values), self.axis, weight.ndim)


class Decomposed(NamedTuple):
    """DoRA (arXiv 2402.09353, section 4.1): ``m * (W + dW) / |W + dW|``, the norm of each row or column."""

    change: Change
    magnitude: np.ndarray
    axis: int

    @classmethod
    def of(cls, change: Change, magnitude: np.ndarray, by_rows: bool) -> Decomposed:
        columns = not by_rows and magnitude.ndim > 1 and len(magnitude) == 1 and magnitude.size > 1
        return cls(change, magnitude, int(columns))

    @property
    def shape(self) -> Shape:
        return self.change.shape

    def fits(self, shape: tuple[int, ...]) -> bool:
        return self.change.fits(shape) and self.magnitude.size == shape[self.axis]

    def difference(self, weight: np.ndarray) -> np.ndarray:
        changed = weight + self.change.difference(weight)
        others = tuple(axis for axis in range(weight.ndim) if axis != self.axis)
        norm = np.sqrt(np.square(changed).sum(others, keepdims=True))
        magnitude = along(wide(self.magnitude), self.axis, weight.ndim)
        return magnitude * changed / np.maximum(norm, np.finfo(np.float32).tiny) - weight


_METHODS: Mapping[tuple[str, ...], Callable[[Parts, Scale], Change]] = {
    ("lora_down", "lora_up", "lora_mid"): LowRank.of,
    ("hada_w1_a", "hada_w1_b", "hada_t1", "hada_w2_a", "hada_w2_b", "hada_t2"): Hadamard.of,
    ("lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t2"): Kronecker.of,
    ("a1", "a2", "b1", "b2", "bm"): Generalised.of,
    ("weight", "on_input"): Factors.of,
    ("oft_blocks", "rescale"): Rotation.of,
    ("diff", "w_norm"): Whole.of,
}
