"""Writes tests/data/stable_diffusion_2_reference: what PyTorch diffusers makes of a tiny Stable Diffusion 2.

It has what tells this family from the first: OpenCLIP's text encoder, whose last layer is left out, attention heads of
64 channels (said by a list), linear projections before attention, a vocabulary that pads with "!", and v as what is
predicted. Weights follow from their names (``seeded``), so that names and shapes alone are kept: those of a single file
and those of diffusers. diffusers' own conversion of single files makes the networks, its pipelines the latents. Made
with torch 2.13, diffusers 0.42.1 and transformers 5, which the tests do not need.
"""

from __future__ import annotations

import json
import math
import re
import zlib
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from diffusers import (
    AutoencoderKL,
    ControlNetModel,
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    StableDiffusionControlNetPipeline,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from diffusers.loaders.single_file_utils import (
    convert_controlnet_checkpoint,
    convert_ldm_unet_checkpoint,
    convert_ldm_vae_checkpoint,
    convert_open_clip_checkpoint,
)
from diffusers.schedulers import scheduling_euler_ancestral_discrete as euler
from make_checkpoints import clip_vocabulary
from make_text2video_reference import reference
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

FOLDER = Path(__file__).parent / "stable_diffusion_2_reference"
WIDTH, LAYERS = 128, 3  # of the text encoder; the last layer is not used
UNET = {
    "sample_size": 8,
    "block_out_channels": (64, 128),
    "layers_per_block": 1,
    "cross_attention_dim": WIDTH,
    "attention_head_dim": (1, 2),
    "use_linear_projection": True,
    "norm_num_groups": 32,
    "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
}
VAE = {
    "block_out_channels": (32, 64),
    "layers_per_block": 1,
    "latent_channels": 4,
    "norm_num_groups": 32,
    "down_block_types": ("DownEncoderBlock2D",) * 2,
    "up_block_types": ("UpDecoderBlock2D",) * 2,
    "sample_size": 16,
}
CONTROL = {key: value for key, value in UNET.items() if key not in ("sample_size", "up_block_types")}
CONTROL |= {"conditioning_embedding_out_channels": (4, 8)}
SCHEDULE = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
}
SOLVERS = {
    "ddim": DDIMScheduler,
    "dpmsolver++": DPMSolverMultistepScheduler,
    "euler_a": EulerAncestralDiscreteScheduler,
}
PROMPT, NEGATIVE, STEPS, GUIDANCE, SIDE, FRAMES = "the fox in the snow", "dog on the beach", 10, 7.5, 16, 4

RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}


def seeded(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Weights that follow from their name; the test computes the same, so that none need be stored."""
    numbers = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape).astype(np.float32)
    if len(shape) > 1:
        return numbers / np.float32(math.sqrt(math.prod(shape[1:])))
    return numbers / 10 + (1 if name.endswith("weight") else 0)


# The names of the code that trained such models, level by level; both networks have one layer in each.


def ldm_unet(name: str) -> str:
    for ours, theirs in {
        "time_embedding.linear_1": "time_embed.0",
        "time_embedding.linear_2": "time_embed.2",
        "conv_in": "input_blocks.0.0",
        "conv_norm_out": "out.0",
        "conv_out": "out.2",
    }.items():
        if name.startswith(f"{ours}."):
            return name.replace(ours, theirs)
    kind = re.search(r"(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.+)", name)
    place, rest = int(kind[2]), kind[3]
    if kind[1] == "resnets":
        layer, end = rest.split(".")
        rest = f"{RESNET[layer]}.{end}"
    if name.startswith("mid_block"):
        return f"middle_block.{1 if kind[1] == 'attentions' else 2 * place}.{rest}"
    level = int(name.split(".")[1])
    if name.startswith("down_blocks"):
        if kind[1] == "downsamplers":
            return f"input_blocks.{2 * (level + 1)}.0.{rest.replace('conv', 'op')}"
        return f"input_blocks.{1 + 2 * level + place}.{int(kind[1] == 'attentions')}.{rest}"
    if kind[1] == "upsamplers":
        return f"output_blocks.{2 * level + 1}.1.{rest}"
    return f"output_blocks.{2 * level + place}.{int(kind[1] == 'attentions')}.{rest}"


def ldm_control(name: str) -> str:
    if name.startswith("controlnet_cond_embedding."):
        kind, number, end = re.fullmatch(
            r"controlnet_cond_embedding\.(conv_in|conv_out|blocks)\.?(\d*)\.(\w+)", name
        ).groups()
        place = {"conv_in": 0, "conv_out": 3}.get(kind, int(number or 0) + 1)
        return f"input_hint_block.{2 * place}.{end}"
    name = re.sub(r"controlnet_down_blocks\.(\d+)", r"zero_convs.\1.0", name)
    name = name.replace("controlnet_mid_block", "middle_block_out.0")
    return name if name.startswith(("zero_convs", "middle_block_out")) else ldm_unet(name)


def ldm_vae(name: str) -> str:
    name = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", name)
    for ours, theirs in {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}.items():
        name = name.replace(f"mid_block.attentions.0.{ours}", f"mid.attn_1.{theirs}")
    name = re.sub(r"down_blocks\.(\d)\.resnets", r"down.\1.block", name)
    name = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", name)
    name = re.sub(r"up_blocks\.(\d)\.resnets", lambda m: f"up.{1 - int(m[1])}.block", name)
    name = re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{1 - int(m[1])}.upsample", name)
    return name.replace("conv_shortcut", "nin_shortcut").replace("conv_norm_out", "norm_out")


def openclip_shapes(vocabulary: int) -> dict[str, tuple[int, ...]]:
    """Of the text tower with its last layer."""
    shapes = {
        "positional_embedding": (77, WIDTH),
        "token_embedding.weight": (vocabulary, WIDTH),
        "text_projection": (WIDTH, WIDTH),
        "logit_scale": (),
        "ln_final.weight": (WIDTH,),
        "ln_final.bias": (WIDTH,),
    }
    for layer in range(LAYERS):
        start = f"transformer.resblocks.{layer}"
        for norm in ("ln_1", "ln_2"):
            shapes |= {f"{start}.{norm}.{kind}": (WIDTH,) for kind in ("weight", "bias")}
        for name, out, inside in (
            ("attn.in_proj_", 3 * WIDTH, WIDTH),
            ("attn.out_proj.", WIDTH, WIDTH),
            ("mlp.c_fc.", 4 * WIDTH, WIDTH),
            ("mlp.c_proj.", WIDTH, 4 * WIDTH),
        ):
            shapes |= {f"{start}.{name}weight": (out, inside), f"{start}.{name}bias": (out,)}
    return shapes


@torch.no_grad()
def build() -> tuple[dict, StableDiffusionPipeline, ControlNetModel]:
    """Names and shapes; a model with weights of the single file, converted by diffusers; its ControlNet likewise."""
    vocabulary, merges = clip_vocabulary()
    text_config = CLIPTextConfig(
        vocab_size=len(vocabulary),
        hidden_size=WIDTH,
        intermediate_size=4 * WIDTH,
        num_hidden_layers=LAYERS - 1,
        num_attention_heads=WIDTH // 64,
        max_position_embeddings=77,
        hidden_act="gelu",
        bos_token_id=len(vocabulary) - 2,
        eos_token_id=len(vocabulary) - 1,
    )
    unet, vae, control = UNet2DConditionModel(**UNET), AutoencoderKL(**VAE), ControlNetModel(**CONTROL)
    text = CLIPTextModel(text_config)
    names = {}
    for part, network, prefix, rename in (
        ("unet", unet, "model.diffusion_model.", ldm_unet),
        ("vae", vae, "first_stage_model.", ldm_vae),
        ("controlnet", control, "control_model.", ldm_control),
    ):
        names[part] = {}
        for name, value in network.state_dict().items():
            theirs = rename(name)
            points = [1, 1] if ".attn_1." in theirs and value.ndim == 2 else []  # 1x1 convolutions there
            names[part][name] = [prefix + theirs, [*value.shape, *points]]
    texts = {f"cond_stage_model.model.{name}": shape for name, shape in openclip_shapes(len(vocabulary)).items()}
    shapes = {theirs: shape for part in names.values() for theirs, shape in part.values()} | texts
    state = {
        name: torch.from_numpy(np.asarray(seeded(name, tuple(shape)), np.float32)) for name, shape in shapes.items()
    }
    unet.load_state_dict(convert_ldm_unet_checkpoint(dict(state), dict(unet.config)))
    vae.load_state_dict(convert_ldm_vae_checkpoint(dict(state), dict(vae.config)))
    converted = convert_controlnet_checkpoint(dict(state), dict(control.config))
    embedding = "controlnet_cond_embedding"  # whose last layer diffusers expects after three halvings, here after one
    control.load_state_dict(
        {name.replace(f"{embedding}.blocks.2", f"{embedding}.conv_out"): value for name, value in converted.items()}
    )
    own = {name: array for name, array in state.items() if name.startswith("cond_stage_model.")}
    converted = convert_open_clip_checkpoint(text, dict(own), prefix="cond_stage_model.model.")
    converted = {
        name if name in text.state_dict() else name.removeprefix("text_model."): value
        for name, value in converted.items()
    }
    text.load_state_dict({name: converted[name] for name in text.state_dict()})
    model = StableDiffusionPipeline(
        vae=vae,
        text_encoder=text,
        unet=unet,
        scheduler=DDIMScheduler(**SCHEDULE),
        safety_checker=None,
        tokenizer=CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=77, pad_token="!"),
        feature_extractor=None,
        requires_safety_checker=False,
    )
    return {"networks": names, "text_encoder": texts}, model, control


@torch.no_grad()
def networks(model: StableDiffusionPipeline, control: ControlNetModel) -> dict[str, np.ndarray]:
    latents = torch.from_numpy(seeded("latents", (1, 4, 8, 8)))
    picture = torch.from_numpy(seeded("picture", (1, 3, 16, 16)))
    hidden = model.text_encoder(torch.arange(77)[None])[0]
    down, middle = control(latents, 801, hidden, picture, return_dict=False)
    return {
        "text": hidden.numpy(),
        "noise": model.unet(latents, 801, encoder_hidden_states=hidden).sample.numpy(),
        "picture": model.vae.decode(latents).sample.numpy(),
        "latents": model.vae.encode(picture).latent_dist.mean.numpy(),
        **{f"residual {number}": residual.numpy() for number, residual in enumerate([*down, middle])},
    }


def draw_noise() -> np.ndarray:
    """``[1 + STEPS, FRAMES, 4, 8, 8]``: the start, then each step."""
    return np.random.default_rng(2).standard_normal((1 + STEPS, FRAMES, 4, SIDE // 2, SIDE // 2), np.float32)


def scheduler_of(solver: str, prediction_type: str):
    return SOLVERS[solver].from_config(DDIMScheduler(**SCHEDULE, prediction_type=prediction_type).config)


def picture(model: StableDiffusionPipeline, solver: str, prediction_type: str, noise: np.ndarray) -> np.ndarray:
    """The latents of one picture."""
    model.scheduler = scheduler_of(solver, prediction_type)
    steps = iter(torch.from_numpy(noise[1:, :1]))
    start = torch.from_numpy(noise[0, :1])
    with mock.patch.object(euler, "randn_tensor", lambda *_, **__: next(steps)):
        return model(
            PROMPT,
            SIDE,
            SIDE,
            STEPS,
            guidance_scale=GUIDANCE,
            negative_prompt=NEGATIVE,
            latents=start,
            output_type="latent",
        ).images.numpy()


def video(model: StableDiffusionPipeline, noise: np.ndarray) -> np.ndarray:
    """The latents of Text2Video-Zero with its 50 steps, predicting v."""
    parts = {**model.components, "scheduler": scheduler_of("ddim", "v_prediction")}
    del parts["image_encoder"]
    pipeline = reference.TextToVideoZeroPipeline(**parts, requires_safety_checker=False)
    forward = torch.from_numpy(noise[1, 1:])
    with mock.patch.object(reference, "randn_tensor", lambda *_, **__: forward):
        return pipeline(
            PROMPT,
            FRAMES,
            SIDE,
            SIDE,
            50,
            guidance_scale=GUIDANCE,
            negative_prompt=NEGATIVE,
            latents=torch.from_numpy(noise[0, :1]),
            output_type="latent",
            motion_field_strength_x=30,
            motion_field_strength_y=30,
        ).images.numpy()


def guided(model: StableDiffusionPipeline, control: ControlNetModel, noise: np.ndarray) -> np.ndarray:
    """The latents of frames that start alike, and all attend to the first one under a ControlNet, predicting v."""
    pipeline = StableDiffusionControlNetPipeline(
        **{**model.components, "scheduler": scheduler_of("ddim", "v_prediction")},
        controlnet=control,
        requires_safety_checker=False,
    )
    for network in (pipeline.unet, pipeline.controlnet):
        network.set_attn_processor(reference.CrossFrameAttnProcessor2_0(batch_size=2))
    maps = np.random.default_rng(1).integers(0, 256, (FRAMES, SIDE, SIDE, 3), np.uint8)
    made = pipeline(
        [PROMPT] * FRAMES,
        torch.from_numpy(maps).permute(0, 3, 1, 2).float() / 255,
        SIDE,
        SIDE,
        STEPS,
        guidance_scale=GUIDANCE,
        negative_prompt=[NEGATIVE] * FRAMES,
        latents=torch.from_numpy(noise[0, :1]).repeat(FRAMES, 1, 1, 1),
        output_type="latent",
    )
    return made.images.numpy()


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    names, model, control = build()
    (FOLDER / "names.json").write_text(json.dumps(names, indent=0) + "\n", encoding="utf-8")
    noise, made = draw_noise(), networks(model, control)
    for solver in SOLVERS:
        for prediction_type in ("epsilon", "v_prediction"):
            made[f"{solver} {prediction_type}"] = picture(model, solver, prediction_type, noise)
    made["guided"] = guided(model, control, noise)
    made["video"] = video(model, noise)
    np.savez_compressed(FOLDER / "outputs.npz", **made)
    for name, array in made.items():
        print(f"{name}: {array.shape}, standard deviation {array.std():.3f}")


if __name__ == "__main__":
    main()
