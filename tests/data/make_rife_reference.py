"""Writes tests/data/rife_reference.npz: frames between two frames, by RIFE in PyTorch with random weights.

    python tests/data/make_rife_reference.py FOLDER    # that of vsrife 5.7.0, unpacked

Made with torch 2.13; vsrife itself, whose import needs VapourSynth, is not imported, only its networks.
"""

from __future__ import annotations

import importlib
import json
import sys
import types
from pathlib import Path

import numpy as np
import torch

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent))

from rife_tiny import MOMENT, SIDE, WIDTHS, pictures, seeded  # noqa: E402

VERSIONS = {"4.6": "4_6", "4.25": "4_25"}  # 4.26 has the network of 4.25


def narrow(network: torch.nn.Module, module: types.ModuleType) -> torch.nn.Module:
    """The network with blocks of ``WIDTHS``."""
    for name, width in zip([name for name, _ in network.named_children() if name.startswith("block")], WIDTHS):
        inputs = getattr(network, name).conv0[0][0].in_channels
        setattr(network, name, module.IFBlock(inputs, width))
    return network.eval()


def shapes(network: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in network.state_dict().items()}


def between(network: torch.nn.Module) -> np.ndarray:
    """The frame at ``MOMENT``, every eighth row."""
    network.load_state_dict({name: torch.from_numpy(value) for name, value in seeded(shapes(network)).items()})
    pair = [torch.from_numpy(each) for each in pictures()]
    encoded = [network.encode(each) for each in pair] if hasattr(network, "encode") else []
    line = torch.linspace(-1, 1, SIDE)
    grid = torch.stack([line.expand(SIDE, SIDE), line[:, None].expand(SIDE, SIDE)])[None]
    half = torch.full([2], (SIDE - 1) / 2)
    with torch.no_grad():
        frame = network(*pair, torch.full([1, 1, SIDE, SIDE], MOMENT), half, grid, *encoded)
    return frame[0, :, ::8].numpy()


def main(folder: Path) -> None:
    package = types.ModuleType("vsrife")
    package.__path__ = [str(folder / "vsrife")]
    sys.modules["vsrife"] = package
    found = {}
    for version, file in VERSIONS.items():
        module = importlib.import_module(f"vsrife.IFNet_HDv3_v{file}")
        found[f"{version} shapes"] = json.dumps(shapes(module.IFNet()))
        found[version] = between(narrow(module.IFNet(), module))
    np.savez_compressed(FOLDER / "rife_reference.npz", **found)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
