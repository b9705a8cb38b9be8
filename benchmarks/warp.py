"""Prints what the motion field of PyTorch diffusers' Text2Video-Zero loses in bfloat16 (needs PyTorch and diffusers).

    python benchmarks/warp.py

Its coordinates are of the latents' precision: a cell that moves by half a cell too many or too few comes from a
neighbour, whose value is another by up to several standard deviations. So far apart are latents of diffusers and ppt2v,
whose coordinates are float32, in bfloat16 and `text2video` alone.
"""

from __future__ import annotations

import torch
from diffusers.pipelines.text_to_video_synthesis.pipeline_text_to_video_zero import (
    create_motion_field,
    warp_single_latent,
)

MOTION, FRAMES = 12, 8  # the defaults: pixels of each frame against the one before, and frames


def warped(latents: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    field = create_motion_field(MOTION, MOTION, list(range(1, FRAMES)), "cpu", dtype)
    return torch.cat([warp_single_latent(latents.to(dtype), flow[None]) for flow in field]).float()


def main() -> None:
    for side in (32, 64):  # cells of 256 and of 512 pixels
        latents = torch.randn(1, 4, side, side, generator=torch.Generator().manual_seed(0))
        exact, rounded = warped(latents, torch.float32), warped(latents, torch.bfloat16)
        differs = ((exact - rounded).abs() > 0.05).float().mean(dim=(1, 2, 3))  # beyond what rounding values explains
        largest = (exact - rounded).abs().max().item()
        shares = " ".join(f"{share:.0%}" for share in differs.tolist())
        print(f"{side * 8} pixels: cells of each frame that differ: {shares}; by {largest:.1f} deviations at most")


if __name__ == "__main__":
    main()
