"""Makes the held-out cases' pictures with PyTorch's diffusers, for ``judge_guided.py --made FOLDER``.

    python training/make_cases.py __assets__/embedded FOLDER canny pix2pix ...

The same models, prompts and seeds as the package's own figures, by an independent implementation.
"""
from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from diffusers import (AutoencoderKL, ControlNetModel, DDIMScheduler, EulerAncestralDiscreteScheduler,
                       StableDiffusionControlNetPipeline, StableDiffusionInstructPix2PixPipeline,
                       StableDiffusionPipeline, UNet2DConditionModel)
from PIL import Image
from transformers import CLIPTokenizer

import cases
from cases import Case
from guided import save_sheet
from train_unet import load_text

BATCH = 7
GUIDANCE, EDIT_GUIDANCE, PICTURE_GUIDANCE, STEPS = 4.0, 3.0, 2.5, 20
QUIET = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}


def parts(folder: Path) -> dict:
    """A folder's networks and tokenizer."""
    return {"unet": UNet2DConditionModel.from_pretrained(folder / "unet", low_cpu_mem_usage=False).eval(),
            "vae": AutoencoderKL.from_pretrained(folder / "vae", low_cpu_mem_usage=False).eval(),
            "text_encoder": load_text(folder).eval(), "tokenizer": CLIPTokenizer.from_pretrained(folder / "tokenizer")}


def pipeline_of(folder: Path, mode: str):
    """The pipeline of a mode, and the names of what it is called with."""
    if mode == "pix2pix":
        scheduler = EulerAncestralDiscreteScheduler.from_pretrained(folder / mode / "scheduler")
        return StableDiffusionInstructPix2PixPipeline(**parts(folder / mode), scheduler=scheduler, **QUIET)
    scheduler = DDIMScheduler.from_pretrained(folder / "scheduler")
    if mode == "dreambooth":
        return StableDiffusionPipeline(**parts(folder / mode), scheduler=scheduler, **QUIET)
    control = ControlNetModel.from_pretrained(folder / mode, low_cpu_mem_usage=False).eval()
    return StableDiffusionControlNetPipeline(**parts(folder), controlnet=control, scheduler=scheduler, **QUIET)


def make(pipeline, chosen: list[Case]) -> np.ndarray:
    """Pictures of cases of one mode, uint8 RGB ``[count, 128, 128, 3]``."""
    mode = chosen[0].mode
    latents = torch.stack([torch.randn(4, 32, 32, generator=torch.Generator().manual_seed(c.seed)) for c in chosen])
    arguments = {"guidance_scale": GUIDANCE}
    if mode == "pix2pix":
        arguments = {"guidance_scale": EDIT_GUIDANCE, "image_guidance_scale": PICTURE_GUIDANCE,
                     "generator": torch.Generator().manual_seed(chosen[0].seed)}
        latents = None
    if mode != "dreambooth":
        arguments["image"] = [Image.fromarray(c.given) for c in chosen]
    made = pipeline([c.prompt for c in chosen], latents=latents, num_inference_steps=STEPS, output_type="np",
                    **arguments).images
    return (made * 255).round().astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("embedded", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("modes", nargs="+")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    for mode in args.modes:
        chosen, pipeline = [c for c in cases.load() if c.mode == mode], pipeline_of(args.embedded, mode)
        pipeline.set_progress_bar_config(disable=True)
        with torch.autocast("cpu", torch.bfloat16):
            made = np.concatenate([make(pipeline, chosen[i : i + BATCH]) for i in range(0, len(chosen), BATCH)])
        np.save(args.folder / f"{mode}.npy", made)
        given = [c.given if c.given is not None else np.zeros_like(made[0]) for c in chosen]
        rows = [np.stack(row[i : i + 11]) for i in range(0, 44, 11) for row in (given, list(made))]
        save_sheet([np.concatenate([row, np.zeros((11 - len(row), *row.shape[1:]), np.uint8)]) for row in rows],
                   args.folder / f"{mode}.png")


if __name__ == "__main__":
    main()
