"""Writes tests/data/nearness_reference.npz: what the small depth network that ships finds in PyTorch.

    PYTHONPATH=. python tests/data/make_nearness_reference.py

Made with torch 2.13.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

from training.train.mobile_unet import MobileUNet, Unit

FOLDER = Path(__file__).parent
WEIGHTS = FOLDER.parents[1] / "__assets__/embedded/nearness/mobile_unet.safetensors"


def shipped() -> MobileUNet:
    """The network of the training without its batch norms, which are part of the weights."""
    weights = {name: tensor.float() for name, tensor in load_file(WEIGHTS).items()}
    network = MobileUNet()
    for name, part in list(network.named_modules()):
        if isinstance(part, Unit):
            part.norm = nn.Identity()
            part.conv.weight = nn.Parameter(weights[f"{name}.weight"])
            part.conv.bias = nn.Parameter(weights[f"{name}.bias"])
    network.head.weight, network.head.bias = (nn.Parameter(weights[f"head.{name}"]) for name in ("weight", "bias"))
    return network.eval()


def picture(height: int, width: int) -> np.ndarray:
    """As ``tests/controls/test_detectors.py`` has it, ``[1, 3, height, width]``."""
    rows, columns, channels = np.mgrid[:height, :width, :3].astype(np.float32)
    waves = np.sin(rows / 5 + channels) * np.cos(columns / 7 - channels) / 2
    return waves.transpose(2, 0, 1)[None].astype(np.float32)


if __name__ == "__main__":
    with torch.no_grad():
        depth = shipped()(torch.from_numpy(picture(64, 96)))
    np.savez_compressed(FOLDER / "nearness_reference.npz", depth=depth.numpy())
