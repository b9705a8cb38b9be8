"""Makes two folders of what was trained: ``motion``, the motion modules, and ``animate``, the model that they are for.

    python -m training.export.motion_modules OUT __assets__/embedded

Both are in the layout of diffusers. The model is the embedded image model with the text encoder of the embedded
text-to-video model, whose weights it shares.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from training.export.guided import average
from training.export.image import MODEL_INDEX, share, write_json, write_weights
from training.train.control import EMBEDDED
from training.train.motion_modules import CONFIG, MODULES

# The modules were trained with the levels of noise of their model, where those that were published have their own.
DESCRIPTION = {"_class_name": "MotionAdapter", **CONFIG, "noise_schedule": "model"}
DEFAULTS = {"animate": {"num_inference_steps": 20, "guidance_scale": 4.0}}
# Matrices are stored in 8 bits, as multiples of about such a part of their deviation: compressed, as in a wheel, they
# take a third of what 16 bits would.
STEP = 1 / 16


def export(out: Path, folder: Path) -> None:
    """Writes every part but the model's ``words.json``, which is kept by hand."""
    weights = {name: weight for name, weight in average(out, "motion_modules").items() if name.startswith(MODULES)}
    own = {name.removeprefix(MODULES): shortened(weight) for name, weight in weights.items()}
    write_json(folder / "motion/config.json", DESCRIPTION)
    write_weights(folder / "motion/diffusion_pytorch_model.safetensors", own)
    model = folder / "animate"
    write_json(model / "model_index.json", MODEL_INDEX)
    write_json(model / "ppt2v.json", DEFAULTS)
    share(model, EMBEDDED, "scheduler", "tokenizer", "unet", "vae")
    share(model, EMBEDDED / "video", "text_encoder")


def shortened(weight: torch.Tensor) -> torch.Tensor:
    """A matrix in 8 bits; what is none, or not in use, as it is."""
    if weight.ndim < 2 or not weight.any():
        return weight
    step = 2.0 ** torch.log2(weight.std() * STEP).round()
    return ((weight / step).round() * step).to(torch.float8_e4m3fn)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("folder", type=Path)
    export(**vars(parser.parse_args()))
