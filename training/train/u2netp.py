"""U2NETP, the small U2-Net for salient objects (arXiv 2005.09007), with the parameter names of the published files."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

MID, OUT = 16, 64
DEPTHS = (7, 6, 5, 4)  # of the first four stages; the others keep the resolution


class REBNCONV(nn.Module):
    """Convolution, batch norm, ReLU."""

    def __init__(self, channels: int, width: int, dilation: int = 1):
        super().__init__()
        self.conv_s1 = nn.Conv2d(channels, width, 3, padding=dilation, dilation=dilation)
        self.bn_s1 = nn.BatchNorm2d(width)

    def forward(self, x):
        return F.relu(self.bn_s1(self.conv_s1(x)))


def up(x, like):
    """Resized to the height and width of ``like``."""
    return F.interpolate(x, size=like.shape[2:], mode="bilinear", align_corners=False)


def down(x):
    return F.max_pool2d(x, 2, stride=2, ceil_mode=True)


class RSU(nn.Module):
    """A residual U-block of the given depth; ``flat`` dilates where the others halve the resolution (RSU-4F)."""

    def __init__(self, channels: int, depth: int, flat: bool = False):
        super().__init__()
        self.depth, self.flat = depth, flat
        dilations = [2**i if flat else 1 for i in range(depth - 1)] + [2 ** (depth - 1) if flat else 2]
        self.rebnconvin = REBNCONV(channels, OUT)
        for level, dilation in enumerate(dilations, 1):
            setattr(self, f"rebnconv{level}", REBNCONV(OUT if level == 1 else MID, MID, dilation))
        for level in range(depth - 1, 0, -1):
            width = OUT if level == 1 else MID
            setattr(self, f"rebnconv{level}d", REBNCONV(2 * MID, width, dilations[level - 1]))

    def forward(self, x):
        x = self.rebnconvin(x)
        kept, y = [], x
        for level in range(1, self.depth):
            y = getattr(self, f"rebnconv{level}")(y)
            kept.append(y)
            y = down(y) if level < self.depth - 1 and not self.flat else y
        y = getattr(self, f"rebnconv{self.depth}")(y)
        for level in range(self.depth - 1, 0, -1):
            y = getattr(self, f"rebnconv{level}d")(torch.cat([up(y, kept[level - 1]), kept[level - 1]], 1))
        return x + y


class U2NETP(nn.Module):
    """``[count, 3, height, width]`` -> seven maps ``[count, 1, height, width]``, no sigmoid, the fused one first."""

    def __init__(self):
        super().__init__()
        for stage, depth in enumerate(DEPTHS, 1):
            setattr(self, f"stage{stage}", RSU(3 if stage == 1 else OUT, depth))
            setattr(self, f"stage{stage}d", RSU(2 * OUT, depth))
        self.stage5, self.stage6, self.stage5d = RSU(OUT, 4, True), RSU(OUT, 4, True), RSU(2 * OUT, 4, True)
        for side in range(1, 7):
            setattr(self, f"side{side}", nn.Conv2d(OUT, 1, 3, padding=1))
        self.outconv = nn.Conv2d(6, 1, 1)

    def forward(self, pictures):
        kept, x = [], pictures
        for stage in range(1, 7):
            x = getattr(self, f"stage{stage}")(x if stage == 1 else down(x))
            kept.append(x)
        outputs = [x]
        for stage in range(5, 0, -1):
            x = getattr(self, f"stage{stage}d")(torch.cat([up(x, kept[stage - 1]), kept[stage - 1]], 1))
            outputs.insert(0, x)
        sides = [up(getattr(self, f"side{i}")(y), pictures) for i, y in enumerate(outputs, 1)]
        return [self.outconv(torch.cat(sides, 1)), *sides]
