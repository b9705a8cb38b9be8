"""OpenPose's maps to people: peaks of the heatmaps, joined along the part affinity fields.

Cao et al., arXiv 1812.08008, section 3, with the constants of the published PyTorch code. A person is 18 joints
``[18, 2]``: x and y in pixels, NaN where a joint was not found. The joints are nose, neck; right shoulder, elbow,
wrist; left shoulder, elbow, wrist; right hip, knee, ankle; left hip, knee, ankle; right eye, left eye, right ear,
left ear.
"""

from __future__ import annotations

import cv2
import numpy as np

JOINTS = 18
# The joints that each limb connects; the last two are used to find people and are not drawn.
LIMBS = (
    (1, 2),
    (1, 5),
    (2, 3),
    (3, 4),
    (5, 6),
    (6, 7),
    (1, 8),
    (8, 9),
    (9, 10),
    (1, 11),
    (11, 12),
    (12, 13),
    (1, 0),
    (0, 14),
    (14, 16),
    (0, 15),
    (15, 17),
    (2, 16),
    (5, 17),
)
DRAWN_LIMBS = LIMBS[:-2]

# Channels of the part affinity fields (x, y), limb by limb.
_FIELDS = (
    (12, 13),
    (20, 21),
    (14, 15),
    (16, 17),
    (22, 23),
    (24, 25),
    (0, 1),
    (2, 3),
    (4, 5),
    (6, 7),
    (8, 9),
    (10, 11),
    (28, 29),
    (30, 31),
    (34, 35),
    (32, 33),
    (36, 37),
    (18, 19),
    (26, 27),
)
_SIGMA = 3  # pixels
_MIN_PEAK = 0.1
_SAMPLES = 10  # along a limb
_MIN_SAMPLE, _MIN_SHARE = 0.05, 0.8
_MIN_JOINTS, _MIN_SCORE = 4, 0.4
_SCORE, _COUNT = JOINTS, JOINTS + 1  # columns of a person's row after the numbers of the peaks; -1: no peak


def assemble(heatmaps: np.ndarray, fields: np.ndarray) -> np.ndarray:
    """People float64 ``[P, 18, 2]``, from heatmaps ``[H, W, 18 or more]`` and part affinity fields ``[H, W, 38]``."""
    found = [_peaks(heatmaps[..., joint]) for joint in range(JOINTS)]
    peaks = np.concatenate(found)
    ends = np.cumsum([len(joint) for joint in found])
    starts = ends - [len(joint) for joint in found]
    rows = np.empty((0, JOINTS + 2))
    for limb, (first, second) in enumerate(LIMBS):
        pairs = _connect(found[first], found[second], fields[..., list(_FIELDS[limb])])
        for one, other, score in pairs:
            one, other = starts[first] + int(one), starts[second] + int(other)
            rows = _join(rows, limb, one, other, score, peaks[:, 2])
    kept = rows[(rows[:, _COUNT] >= _MIN_JOINTS) & (rows[:, _SCORE] / rows[:, _COUNT] >= _MIN_SCORE)]
    # The number -1 takes the last row, which says "not found".
    places = np.vstack([peaks[:, :2], [np.nan, np.nan]])
    return places[kept[:, :JOINTS].astype(int)]


def _peaks(heatmap: np.ndarray) -> np.ndarray:
    """x, y and score ``[N, 3]`` of the local maxima of the blurred map, row by row; the score is the map's own."""
    heatmap = heatmap.astype(np.float64)
    side = 8 * _SIGMA + 1
    blurred = cv2.GaussianBlur(heatmap, (side, side), _SIGMA, borderType=cv2.BORDER_REFLECT)
    around = np.pad(blurred, 1)
    neighbours = (around[:-2, 1:-1], around[2:, 1:-1], around[1:-1, :-2], around[1:-1, 2:])
    highest = np.logical_and.reduce([blurred >= neighbour for neighbour in neighbours])
    y, x = np.nonzero(highest & (blurred > _MIN_PEAK))
    return np.stack([x, y, heatmap[y, x]], 1)


def _connect(ones: np.ndarray, others: np.ndarray, field: np.ndarray) -> np.ndarray:
    """Rows (index in ``ones``, index in ``others``, score): the best pairs, in which each peak is used once."""
    if not len(ones) or not len(others):
        return np.empty((0, 3))
    offsets = others[None, :, :2] - ones[:, None, :2]
    lengths = np.maximum(np.linalg.norm(offsets, axis=-1), 1e-3)
    steps = np.linspace(0, 1, _SAMPLES)[:, None]
    x, y = np.moveaxis(np.rint(ones[:, None, None, :2] + offsets[:, :, None] * steps).astype(int), -1, 0)
    along = (field[y, x] * (offsets / lengths[..., None])[:, :, None]).sum(-1)
    # Limbs that are longer than half the frame's height count less.
    scores = along.mean(-1) + np.minimum(0.5 * len(field) / lengths - 1, 0)
    valid = ((along > _MIN_SAMPLE).sum(-1) > _MIN_SHARE * _SAMPLES) & (scores > 0)
    return _greedy(valid, scores)


def _greedy(valid: np.ndarray, scores: np.ndarray) -> np.ndarray:
    chosen = []
    for place in np.argsort(-scores, axis=None, kind="stable"):
        one, other = np.unravel_index(place, scores.shape)
        if valid[one, other]:
            chosen.append((one, other, scores[one, other]))
            valid[one], valid[:, other] = False, False
    return np.array(chosen).reshape(-1, 3)


def _join(rows: np.ndarray, limb: int, one: int, other: int, score: float, peak_scores: np.ndarray) -> np.ndarray:
    """The people's rows after a limb between two peaks has been added: to its owner, between two, or as a new one."""
    first, second = LIMBS[limb]
    owners = np.flatnonzero((rows[:, first] == one) | (rows[:, second] == other))[:2]
    if len(owners) == 2 and not ((rows[owners[0]] >= 0) & (rows[owners[1]] >= 0))[:JOINTS].any():
        rows[owners[0], :JOINTS] += rows[owners[1], :JOINTS] + 1
        rows[owners[0], JOINTS:] += rows[owners[1], JOINTS:]
        rows[owners[0], _SCORE] += score
        return np.delete(rows, owners[1], 0)
    if len(owners):
        if len(owners) == 2 or rows[owners[0], second] != other:
            rows[owners[0], second] = other
            rows[owners[0], _COUNT] += 1
            rows[owners[0], _SCORE] += peak_scores[other] + score
    elif limb < len(DRAWN_LIMBS):  # the other two never start a person
        row = np.full(JOINTS + 2, -1.0)
        row[[first, second, _COUNT]] = one, other, 2
        row[_SCORE] = peak_scores[one] + peak_scores[other] + score
        rows = np.vstack([rows, row])
    return rows
