"""The networks that the guided modes are measured with: joints of drawn characters, and the mascot (Paddle).

``train.finders`` made them.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import nn

from ppt2v.models.formats.fitting import put
from ppt2v.models.formats.reading import read
from training.pictures.characters import LOOKS

FOLDER = Path(__file__).parent
GRID = 32


def layer(channels: int, width: int) -> nn.Layer:
    return nn.Sequential(nn.Conv2D(channels, width, 3, padding=1), nn.GroupNorm(8, width), nn.ReLU())


class Finder(nn.Layer):
    """Finds the 18 joints of a drawn character and names its subject."""

    def __init__(self):
        super().__init__()
        widths = (3, 32, 64, 96, 160)
        self.down = nn.LayerList([layer(a, b) for a, b in itertools.pairwise(widths)])
        self.up16, self.up32 = layer(160 + 96, 96), layer(96 + 64, 64)
        self.heat = nn.Conv2D(64, 18, 1)
        self.subject = nn.Linear(160, len(LOOKS))

    def forward(self, pictures):
        """``[count, 3, 128, 128]`` in 0..1 -> joints ``[count, 18, 2]`` in pixels (x, y), subject scores."""
        x, kept = F.avg_pool2d(pictures, 2) * 2 - 1, []
        for i, part in enumerate(self.down):
            x = part(F.max_pool2d(x, 2) if i else x)
            kept.append(x)
        subject = self.subject(x.mean([2, 3]))
        for part, skip in ((self.up16, kept[2]), (self.up32, kept[1])):
            x = part(paddle.concat([F.interpolate(x, scale_factor=2, mode="nearest"), skip], axis=1))
        share = F.softmax(self.heat(x).flatten(2), axis=-1).reshape([-1, 18, GRID, GRID])
        steps = (paddle.arange(GRID, dtype="float32") + 0.5) * (128 / GRID)
        return paddle.stack([(share.sum(2) * steps).sum(-1), (share.sum(3) * steps).sum(-1)], axis=-1), subject


class Recogniser(nn.Layer):
    """Tells the mascot from everything else."""

    def __init__(self):
        super().__init__()
        widths = (3, 24, 32, 48, 64)
        self.blocks = nn.LayerList(
            [
                nn.Sequential(nn.Conv2D(a, b, 3, padding=1), nn.GroupNorm(8, b), nn.ReLU(), nn.MaxPool2D(2))
                for a, b in itertools.pairwise(widths)
            ]
        )
        self.mascot = nn.Linear(64, 1)

    def forward(self, pictures):
        """``[count, 3, 128, 128]`` in 0..1 -> scores ``[count]``, above 0 for the mascot."""
        x = F.avg_pool2d(pictures, 2) * 2 - 1
        for part in self.blocks:
            x = part(x)
        return self.mascot(x.amax([2, 3]))[:, 0]


def _load(network: nn.Layer, name: str) -> nn.Layer:
    file = FOLDER / f"{name}.safetensors"
    put(network, read(file), str(file))
    network.eval()
    return network


class Finders:
    """Both networks, for uint8 pictures ``[count, 128, 128, 3]``."""

    def __init__(self):
        self.finder, self.recogniser = _load(Finder(), "finder"), _load(Recogniser(), "recogniser")

    @paddle.no_grad()
    def dancers(self, pictures: np.ndarray) -> tuple[np.ndarray, list[str]]:
        """Joints ``[count, 18, 2]`` in pixels (x, y), and subjects."""
        joints, subject = self.finder(_tensor(pictures))
        return joints.numpy(), [list(LOOKS)[i] for i in subject.argmax(1).tolist()]

    @paddle.no_grad()
    def mascots(self, pictures: np.ndarray) -> np.ndarray:
        """Whether each picture shows the mascot."""
        return self.recogniser(_tensor(pictures)).numpy() > 0


def _tensor(pictures: np.ndarray):
    return paddle.to_tensor(pictures.astype(np.float32) / 255).transpose([0, 3, 1, 2])
