"""Writes tests/data/nearness_reference.npz: what the small depth network finds in PyTorch as it was trained, in float32
and with its batch norms.

    PYTHONPATH=. python tests/data/make_nearness_reference.py OUT      # of training.train.nearness

Made with torch 2.13.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

from training.export.nearness import trained


def picture(height: int, width: int) -> np.ndarray:
    """As ``tests/controls/test_detectors.py`` has it, ``[1, 3, height, width]``."""
    rows, columns, channels = np.mgrid[:height, :width, :3].astype(np.float32)
    waves = np.sin(rows / 5 + channels) * np.cos(columns / 7 - channels) / 2
    return waves.transpose(2, 0, 1)[None].astype(np.float32)


if __name__ == "__main__":
    with torch.no_grad():
        depth = trained(Path(sys.argv[1]))(torch.from_numpy(picture(64, 96)))
    np.savez_compressed(Path(__file__).parent / "nearness_reference.npz", depth=depth.numpy())
