"""Stores the weights of a model folder as float16: half the size, for the models that ship.

python -m training.export.halve FOLDER
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file


def halve(file: Path) -> None:
    """Rewrites a file of float32 weights; what it says of its format stays."""
    with safe_open(file, framework="np") as opened:
        tensors = {name: opened.get_tensor(name).astype(np.float16) for name in opened.keys()}
        metadata = opened.metadata()
    save_file(tensors, file, metadata)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    for weights in sorted(parser.parse_args().folder.rglob("*.safetensors")):
        halve(weights)
