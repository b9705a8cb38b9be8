"""Makes the folder of the depth network of what was trained: each batch norm part of its convolution, float16.

python -m training.export.nearness OUT __assets__/embedded
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from training.export.image import write_weights
from training.train.mobile_unet import MobileUNet, fused


def trained(out: Path) -> MobileUNet:
    """The network of OUT/nearness.pt, ready to estimate."""
    model = MobileUNet()
    model.load_state_dict(torch.load(out / "nearness.pt")["model"])
    return model.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    write_weights(args.folder / "nearness/mobile_unet.safetensors", fused(trained(args.out)))


if __name__ == "__main__":
    main()
