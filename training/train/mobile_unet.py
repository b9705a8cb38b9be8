"""A small U-Net of inverted residuals (MobileNetV2, arXiv 1801.04381) that estimates depth (PyTorch)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

STEM = 16
STAGES = ((24, 2), (40, 3), (72, 4), (112, 3))  # channels and blocks, each stage at half the resolution
EXPANSION = 4


class Unit(nn.Module):
    """Convolution and batch norm, which the export makes one convolution of, and perhaps ReLU6."""

    def __init__(self, inputs: int, outputs: int, side: int = 1, stride: int = 1, groups: int = 1, active: bool = True):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, side, stride, side // 2, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.active = active

    def forward(self, x):
        x = self.norm(self.conv(x))
        return F.relu6(x) if self.active else x


class Block(nn.Module):
    """An inverted residual: wider, over the neighbours, narrower."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1):
        super().__init__()
        wide = EXPANSION * inputs
        self.wider = Unit(inputs, wide)
        self.over = Unit(wide, wide, 3, stride, groups=wide)
        self.narrower = Unit(wide, outputs, active=False)
        self.kept = stride == 1 and inputs == outputs

    def forward(self, x):
        y = self.narrower(self.over(self.wider(x)))
        return x + y if self.kept else y


class Merge(nn.Module):
    """Features, enlarged, and those of the encoder at that size."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.coarse, self.fine = Unit(inputs, outputs, active=False), Unit(outputs, outputs, active=False)
        self.mixed = Block(outputs, outputs)

    def forward(self, x, skipped):
        x = F.interpolate(self.coarse(x), size=skipped.shape[2:], mode="bilinear", align_corners=False)
        return self.mixed(F.relu6(x + self.fine(skipped)))


class MobileUNet(nn.Module):
    """``[count, 3, height, width]``, multiples of 32, -> inverse depth ``[count, 1, height / 2, width / 2]``."""

    def __init__(self):
        super().__init__()
        self.stem = Unit(3, STEM, 3, 2)
        widths = [STEM, *(width for width, _ in STAGES)]
        self.stages = nn.ModuleList(
            nn.Sequential(Block(before, width, 2), *(Block(width, width) for _ in range(count - 1)))
            for before, (width, count) in zip(widths, STAGES)
        )
        self.whole = Unit(widths[-1], widths[-1])  # of the mean over the picture
        self.merges = nn.ModuleList(Merge(low, high) for low, high in zip(widths[:0:-1], widths[-2::-1]))
        self.head = nn.Conv2d(STEM, 1, 3, padding=1)

    def forward(self, pictures):
        kept = [self.stem(pictures)]
        for stage in self.stages:
            kept.append(stage(kept[-1]))
        x = kept.pop()
        x = x + self.whole(x.mean((2, 3), keepdim=True))
        for merge in self.merges:
            x = merge(x, kept.pop())
        return self.head(x)


@torch.no_grad()
def fused(model: MobileUNet) -> dict[str, torch.Tensor]:
    """The weights with each batch norm made part of its convolution."""
    weights = {}
    for name, part in model.named_modules():
        if isinstance(part, Unit):
            scale = part.norm.weight / (part.norm.running_var + part.norm.eps).sqrt()
            weights[f"{name}.weight"] = part.conv.weight * scale[:, None, None, None]
            weights[f"{name}.bias"] = part.norm.bias - part.norm.running_mean * scale
    return {**weights, "head.weight": model.head.weight, "head.bias": model.head.bias}
