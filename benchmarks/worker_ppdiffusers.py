"""One timed run of PPDiffusers' own pipelines, on eager Paddle, on what ``worker_ppt2v.py`` left: WORK FOLDER.

TextToVideoZeroPipeline as of PPDiffusers 0.29 fails on a CPU and warps wrongly; here it is repaired. Its networks are
given their weights by ppt2v's loader, and there is no run before the timed one: nothing has to be compiled.
"""

from __future__ import annotations

import json
import time
from functools import partial
from importlib import import_module
from pathlib import Path

import numpy as np
import paddle
import paddle.nn.functional as F

import ppt2v  # noqa: F401  (after Paddle, whose threads are as for others; before PPDiffusers, which needs it to import)

# isort: split
from ppdiffusers import (
    AutoencoderKL,
    DDIMScheduler,
    TextToVideoSDPipeline,
    TextToVideoZeroPipeline,
    UNet3DConditionModel,
)
from ppdiffusers.transformers import CLIPTextModel
from work import as_clip, difference, given, report

from ppt2v.models.families import stable_diffusion
from ppt2v.models.formats import fitting, reading
from ppt2v.models.layouts import diffusers
from ppt2v.models.loading import weights
from ppt2v.models.loading.tokenizer import load_tokenizer

work, folder = given()


def noise(name: str) -> np.ndarray:
    return np.load(folder / f"{name}.npy")


def attention(query, key, value, attn_mask=None, scale=None, dropout_p=0.0, training=True, attention_op=None):
    """What PPDiffusers expects in Paddle, which it itself adds on a GPU only; the scale is always the default."""
    return F.scaled_dot_product_attention(query, key, value, attn_mask, dropout_p, False, training)


def text2video() -> np.ndarray:
    loaded = stable_diffusion.load_stable_diffusion(Path(work.model))
    parts = {part: getattr(loaded, part) for part in ("vae", "text_encoder", "tokenizer", "unet", "scheduler")}
    pipeline = TextToVideoZeroPipeline(
        **parts, safety_checker=None, feature_extractor=None, requires_safety_checker=False
    )
    module = import_module(TextToVideoZeroPipeline.__module__)
    F.scaled_dot_product_attention_ = attention
    pipeline.unet.set_attn_processor(module.CrossFrameAttnProcessor2_5(batch_size=2))
    module.grid_sample = partial(F.grid_sample, align_corners=False)
    module.randn_tensor = lambda *_, **__: paddle.to_tensor(noise("forward-0"))
    return timed(
        pipeline,
        video_length=work.frames,
        latents=paddle.to_tensor(noise("start-0")[:1]),
        **json.loads((folder / "shared.json").read_text()),
    ).images


def unet3d() -> np.ndarray:
    model, classes = Path(work.model), {"vae": AutoencoderKL, "text_encoder": CLIPTextModel}
    parts = {part: weights.load_component(model / part, kind) for part, kind in classes.items()}
    # Not by load_component, which makes networks without memory: this one writes into its own as it is made.
    unet = UNet3DConditionModel.from_config(UNet3DConditionModel.load_config(model / "unet"))
    [file] = diffusers.weight_files(model / "unet")
    fitting.put(unet, reading.read(file), str(file))
    pipeline = TextToVideoSDPipeline(
        **parts,
        unet=unet,
        tokenizer=load_tokenizer(model / "tokenizer"),
        scheduler=DDIMScheduler.from_pretrained(model, subfolder="scheduler"),
    )
    [latents] = timed(pipeline, num_frames=work.frames, latents=paddle.to_tensor(as_clip(noise("start-0")))).frames
    return latents.transpose([1, 0, 2, 3])


def timed(pipeline, **arguments):
    """What the pipeline makes; ``seconds`` is how long it took."""
    global seconds
    pipeline.set_progress_bar_config(disable=True)
    start = time.perf_counter()
    made = pipeline(
        "a panda in the snow",
        num_inference_steps=work.steps,
        guidance_scale=7.5,
        height=work.size,
        width=work.size,
        output_type="latent",
        **arguments,
    )
    seconds = time.perf_counter() - start
    return made


seconds = 0.0
latents = {"text2video": text2video, "unet3d": unet3d}[work.task]()
report(seconds, difference=difference(latents.numpy(), folder))
