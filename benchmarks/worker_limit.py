"""The machine's own limit and the UNet's work (PyTorch): WORK FOLDER; reports GFLOP and GFLOP per second."""

from __future__ import annotations

import time

import torch
from diffusers import UNet2DConditionModel
from torch.utils.flop_counter import FlopCounterMode
from work import given, report

work, _ = given()
dtype = getattr(torch, work.precision)


def best_rate(run, gflop: float) -> float:
    """The most of some tries: others use the machine as well."""
    rates = []
    for _ in range(12):
        start = time.perf_counter()
        run()
        rates.append(gflop / (time.perf_counter() - start))
    return max(rates)


square = torch.randn(2048, 2048, dtype=dtype)
product = best_rate(lambda: square @ square, 2 * 2.048**3)
convolution = torch.nn.Conv2d(320, 320, 3, padding=1, dtype=dtype).to(memory_format=torch.channels_last)
pictures = torch.randn(4, 320, 32, 32, dtype=dtype).to(memory_format=torch.channels_last)
with torch.no_grad():
    convolving = best_rate(lambda: convolution(pictures), 2 * 4 * 32 * 32 * 320 * 320 * 9 / 1e9)
    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(UNet2DConditionModel.load_config(work.model, subfolder="unet"))
        with FlopCounterMode(display=False) as counter:
            unet(torch.randn(2, 4, work.size // 8, work.size // 8), torch.tensor(1), torch.randn(2, 77, 768))
report(0.0, limit=max(product, convolving), gflop_per_frame=counter.get_total_flops() / 1e9)
