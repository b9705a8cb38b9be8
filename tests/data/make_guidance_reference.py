"""Writes tests/data/guidance_reference.npz: pictures of the tiny model of text2video_reference under other guidance.

Made by PyTorch diffusers' StableDiffusionPipeline and StableDiffusionPAGPipeline: with torch 2.13, diffusers 0.42.1 and
transformers 5, which the tests do not need.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from diffusers import DDIMScheduler, StableDiffusionPAGPipeline, StableDiffusionPipeline

HERE = Path(__file__).parent
MODEL = HERE / "text2video_reference" / "model"
FREEU = {"b1": 1.5, "b2": 1.6, "s1": 0.9, "s2": 0.2}
SIZES = {"plain": (16, 16), "wide": (16, 24)}
CASES = {
    "plain": {},
    "rescale": {"guidance_rescale": 0.7},
    "freeu": {"freeu": True},
    "wide freeu": {"freeu": True, "guidance_rescale": 0.4},
    "pag": {"pag_scale": 3.0},
    "pag alone": {"pag_scale": 2.0, "guidance_scale": 1.0},
    "pag freeu rescale": {"pag_scale": 3.0, "freeu": True, "guidance_rescale": 0.7},
}


def picture(start: np.ndarray, freeu: bool = False, **case) -> np.ndarray:
    kind = StableDiffusionPAGPipeline if "pag_scale" in case else StableDiffusionPipeline
    extra = {"pag_applied_layers": "mid"} if "pag_scale" in case else {}
    pipe = kind.from_pretrained(MODEL, safety_checker=None, requires_safety_checker=False, **extra)
    pipe.scheduler = DDIMScheduler.from_config(pipe.scheduler.config)
    pipe.set_progress_bar_config(disable=True)
    if freeu:
        pipe.enable_freeu(**FREEU)
    height, width = (2 * side for side in start.shape[2:])
    return pipe(
        "the fox in the snow",
        height=height,
        width=width,
        num_inference_steps=6,
        latents=torch.from_numpy(start),
        output_type="latent",
        **{"guidance_scale": 7.5, **case},
    ).images.numpy()


def main() -> None:
    generator = np.random.default_rng(0)
    starts = {name: generator.standard_normal((1, 4, 8, width // 2), np.float32) for name, (_, width) in SIZES.items()}
    made = {name: picture(starts["wide" if "wide" in name else "plain"], **case) for name, case in CASES.items()}
    np.savez_compressed(
        HERE / "guidance_reference.npz", **{f"start {name}": start for name, start in starts.items()}, **made
    )


if __name__ == "__main__":
    main()
