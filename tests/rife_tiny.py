"""What the references of RIFE are made from, by tests/data/make_rife_reference.py and by the test: weights, frames."""

from __future__ import annotations

import numpy as np

SIDE, MOMENT = 64, 0.25
WIDTHS = (16, 12, 8, 8, 8)  # of blocks that are smaller than the published ones


def seeded(shapes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Random weights of these shapes, by their names."""
    random, weights = np.random.default_rng(0), {}
    for name, shape in sorted(shapes.items()):
        values = random.standard_normal(shape, np.float32)
        if name.endswith("beta"):
            weights[name] = 0.3 + 0.1 * values
        elif len(shape) == 4:
            weights[name] = values * np.float32(0.7 / (shape[1] * shape[2] * shape[3]) ** 0.5)
        else:
            weights[name] = values * np.float32(0.3)
    return weights


def pictures() -> list[np.ndarray]:
    """Two frames ``[1, 3, SIDE, SIDE]`` in 0..1."""
    rows, columns, channels = np.mgrid[:SIDE, :SIDE, :3].astype(np.float32)
    waves = (np.sin((rows + move) / 5 + channels) * np.cos((columns - 2 * move) / 7 - channels) for move in (0, 3))
    return [(0.5 + wave / 2).transpose(2, 0, 1)[None].astype(np.float32) for wave in waves]
