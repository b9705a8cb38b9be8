"""Writes tests/data/stable_diffusion_xl_reference: what PyTorch diffusers makes of a tiny Stable Diffusion XL.

It has what tells this family from the others: two text encoders of which the layer before the last is taken, the text
as a whole and six sizes as further conditions, and levels with several transformer layers and with none. Weights follow
from their names (``seeded``), so that names and shapes alone are kept: those of a single file and those of diffusers.
Made with torch 2.13, diffusers 0.42.1 and transformers 5, which the tests do not need. It also prints the figures of
docs/checks.md about diffusers' own pipeline.
"""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from diffusers import (
    AutoencoderKL,
    ControlNetModel,
    DDIMScheduler,
    EulerDiscreteScheduler,
    StableDiffusionXLControlNetPipeline,
    StableDiffusionXLPipeline,
    TextToVideoZeroSDXLPipeline,
    UNet2DConditionModel,
)
from diffusers.loaders.single_file_utils import convert_open_clip_checkpoint
from make_checkpoints import clip_vocabulary
from make_stable_diffusion_2_reference import SCHEDULE, VAE, ldm_unet, ldm_vae, openclip_shapes, seeded
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

reference = import_module(TextToVideoZeroSDXLPipeline.__module__)  # which has moved between versions

FOLDER = Path(__file__).parent / "stable_diffusion_xl_reference"
WIDTHS, LAYERS = (64, 128), (2, 3)  # of the text encoders
FIRST, SECOND = "conditioner.embedders.0.transformer.", "conditioner.embedders.1.model."
UNET = {
    "sample_size": 8,
    "block_out_channels": (64, 128),
    "layers_per_block": 1,
    "cross_attention_dim": sum(WIDTHS),
    "attention_head_dim": (1, 2),
    "transformer_layers_per_block": (1, 2),
    "use_linear_projection": True,
    "norm_num_groups": 32,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": WIDTHS[1] + 6 * 256,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
}
CONTROL = {key: value for key, value in UNET.items() if key not in ("sample_size", "up_block_types")}
CONTROL |= {"conditioning_embedding_out_channels": (4, 8)}
COMMON = {
    "prompt": "the fox in the snow",
    "negative_prompt": "dog on the beach",
    "video_length": 4,
    "height": 16,
    "width": 16,
    "num_inference_steps": 50,
    "guidance_scale": 7.5,
    "t0": 44,
    "t1": 47,
    "motion_field_strength_x": 30,
    "motion_field_strength_y": 30,
}
CASES = {
    "paper": {},
    "not square, no negative prompt": {"width": 24, "negative_prompt": None, "video_length": 2},
    "no guidance": {"guidance_scale": 1.0, "video_length": 2},
    "two prompts": {
        "prompt_2": "a cat on the grass",
        "negative_prompt_2": "a bird in the sky",
        "video_length": 2,
    },
}
STEPS, FRAMES = 10, COMMON["video_length"]  # of the guided video
# Layers of a LoRA as kohya's scripts and diffusers name them.
LORA = {
    "lora_unet_input_blocks_3_1_transformer_blocks_1_attn1_to_q": (
        "unet.down_blocks.1.attentions.0.transformer_blocks.1.attn1.to_q"
    ),
    "lora_te1_text_model_encoder_layers_0_self_attn_q_proj": (
        "text_encoder.text_model.encoder.layers.0.self_attn.q_proj"
    ),
    "lora_te2_text_model_encoder_layers_1_mlp_fc1": "text_encoder_2.text_model.encoder.layers.1.mlp.fc1",
}


def ldm_xl(name: str) -> str:
    beginning = "add_embedding.linear_"
    if name.startswith(beginning):
        return f"label_emb.0.{2 * (int(name[len(beginning)]) - 1)}.{name.rpartition('.')[2]}"
    if name.startswith("up_blocks.0.upsamplers"):  # behind an attention, which the level has in this family
        return f"output_blocks.1.2.{name.partition('0.upsamplers.0.')[2]}"
    return ldm_unet(name)


def text_configs(vocabulary: int) -> list[CLIPTextConfig]:
    return [
        CLIPTextConfig(
            vocab_size=vocabulary,
            hidden_size=width,
            intermediate_size=4 * width,
            num_hidden_layers=layers,
            num_attention_heads=width // 64,
            max_position_embeddings=77,
            hidden_act=activation,
            projection_dim=width,
            bos_token_id=vocabulary - 2,
            eos_token_id=vocabulary - 1,
        )
        for width, layers, activation in zip(WIDTHS, LAYERS, ("quick_gelu", "gelu"))
    ]


@torch.no_grad()
def build() -> tuple[dict, StableDiffusionXLPipeline, ControlNetModel]:
    """Names and shapes; a model with the weights that they have in a single file; its ControlNet."""
    vocabulary, merges = clip_vocabulary()
    configs = text_configs(len(vocabulary))
    first, second = CLIPTextModel(configs[0]), CLIPTextModelWithProjection(configs[1])
    unet, vae, control = UNet2DConditionModel(**UNET), AutoencoderKL(**VAE), ControlNetModel(**CONTROL)
    names = {}
    for part, network, prefix, rename in (
        ("unet", unet, "model.diffusion_model.", ldm_xl),
        ("vae", vae, "first_stage_model.", ldm_vae),
        ("controlnet", control, "", str),
        ("text_encoder", first, FIRST, lambda name: f"text_model.{name.removeprefix('text_model.')}"),
    ):
        names[part], state = {}, {}
        for name, value in network.state_dict().items():
            theirs = prefix + rename(name)
            points = [1, 1] if ".attn_1." in theirs and value.ndim == 2 else []  # 1x1 convolutions there
            names[part][name] = [theirs, [*value.shape, *points]]
            state[name] = torch.from_numpy(seeded(theirs, (*value.shape, *points))).reshape(value.shape)
        network.load_state_dict(state)
    texts = {f"{SECOND}{name}": list(shape) for name, shape in openclip_shapes(len(vocabulary)).items()}
    state = {
        name: torch.from_numpy(np.asarray(seeded(name, tuple(shape)), np.float32)) for name, shape in texts.items()
    }
    converted = convert_open_clip_checkpoint(second, state, prefix=SECOND)
    second.load_state_dict({name: converted[name] for name in second.state_dict()})
    words = {"vocab": vocabulary, "merges": merges, "model_max_length": 77}
    model = StableDiffusionXLPipeline(
        vae=vae,
        text_encoder=first,
        text_encoder_2=second,
        tokenizer=CLIPTokenizer(**words, pad_token="<|endoftext|>"),
        tokenizer_2=CLIPTokenizer(**words, pad_token="!"),
        unet=unet,
        scheduler=DDIMScheduler(**SCHEDULE),
        add_watermarker=False,
    )
    return {"networks": names, "text_encoder_2": texts}, model, control


@torch.no_grad()
def networks(model: StableDiffusionXLPipeline, control: ControlNetModel) -> dict[str, np.ndarray]:
    latents = torch.from_numpy(seeded("latents", (1, 4, 8, 8)))
    picture = torch.from_numpy(seeded("picture", (1, 3, 16, 16)))
    text, _, pooled, _ = model.encode_prompt(COMMON["prompt"], do_classifier_free_guidance=False)
    added = {"text_embeds": pooled, "time_ids": torch.tensor([[16.0, 16, 0, 0, 16, 16]])}
    down, middle = control(latents, 801, text, picture, added_cond_kwargs=added, return_dict=False)
    return {
        "text": text.numpy(),
        "pooled": pooled.numpy(),
        "noise": model.unet(latents, 801, encoder_hidden_states=text, added_cond_kwargs=added).sample.numpy(),
        **{f"residual {number}": residual.numpy() for number, residual in enumerate([*down, middle])},
    }


def draw_noise() -> np.ndarray:
    """``[2, FRAMES, 4, 8, 12]``: the start, then the forward noise; cases crop the width."""
    return np.random.default_rng(2).standard_normal((2, FRAMES, 4, 8, 12), np.float32)


def zero_shot(model: StableDiffusionXLPipeline, scheduler) -> TextToVideoZeroSDXLPipeline:
    parts = {name: part for name, part in model.components.items() if name not in ("image_encoder", "scheduler")}
    return TextToVideoZeroSDXLPipeline(**parts, scheduler=scheduler, add_watermarker=False)


def video(model: StableDiffusionXLPipeline, name: str, noise: np.ndarray) -> np.ndarray:
    """The latents of a case. Without guidance diffusers' processor, which expects two branches, is told of one."""
    arguments = {**COMMON, **CASES[name]}
    start, forward = (torch.from_numpy(part[..., : arguments["width"] // 2].copy()) for part in noise)
    processor = reference.CrossFrameAttnProcessor2_0
    branches = 2 if arguments["guidance_scale"] > 1 else 1
    one = mock.patch.object(reference, "CrossFrameAttnProcessor2_0", lambda batch_size: processor(batch_size=branches))
    with mock.patch.object(reference, "randn_tensor", lambda *_, **__: forward[1 : arguments["video_length"]]), one:
        pipeline = zero_shot(model, model.scheduler)
        return pipeline(**arguments, latents=start[:1], output_type="latent").images.numpy()


def guided(model: StableDiffusionXLPipeline, control: ControlNetModel, noise: np.ndarray) -> np.ndarray:
    """The latents of frames that start alike, and all attend to the first one under a ControlNet."""
    pipeline = StableDiffusionXLControlNetPipeline(**model.components, controlnet=control, add_watermarker=False)
    for network in (pipeline.unet, pipeline.controlnet):
        network.set_attn_processor(reference.CrossFrameAttnProcessor2_0(batch_size=2))
    maps = np.random.default_rng(1).integers(0, 256, (FRAMES, 16, 16, 3), np.uint8)
    made = pipeline(
        [COMMON["prompt"]] * FRAMES,
        image=torch.from_numpy(maps).permute(0, 3, 1, 2).float() / 255,
        height=16,
        width=16,
        num_inference_steps=STEPS,
        guidance_scale=COMMON["guidance_scale"],
        negative_prompt=[COMMON["negative_prompt"]] * FRAMES,
        latents=torch.from_numpy(noise[0, :1, ..., :8].copy()).repeat(FRAMES, 1, 1, 1),
        output_type="latent",
    )
    return made.images.numpy()


def lora_tensors() -> dict[str, np.ndarray]:
    """By kohya's names, of rank 2."""
    sizes = {"unet": (128, 128), "te1": (64, 64), "te2": (128, 512)}
    found = {}
    for layer in LORA:
        inside, outside = sizes[layer.split("_")[1]]
        found[f"{layer}.lora_down.weight"] = seeded(f"{layer}.lora_down.weight", (2, inside))
        found[f"{layer}.lora_up.weight"] = seeded(f"{layer}.lora_up.weight", (outside, 2))
    return found


@torch.no_grad()
def with_lora(model: StableDiffusionXLPipeline, control: ControlNetModel) -> dict[str, np.ndarray]:
    """What the model makes with the LoRA added to its weights; last, since they stay changed."""
    tensors = lora_tensors()
    for layer, name in LORA.items():
        part, _, place = name.partition(".")
        network = getattr(model, part)
        known = dict(network.named_modules())
        up, down = (torch.from_numpy(tensors[f"{layer}.lora_{way}.weight"]) for way in ("up", "down"))
        (known.get(place) or known[place.removeprefix("text_model.")]).weight += up @ down
    made = networks(model, control)
    return {f"lora {name}": made[name] for name in ("text", "pooled", "noise")}


def show_defects(model: StableDiffusionXLPipeline) -> None:
    """Prints what diffusers' own pipeline does with Euler's scheduler, without guidance, and with few steps."""
    euler = EulerDiscreteScheduler.from_config(model.scheduler.config, timestep_spacing="leading")
    pipeline = zero_shot(model, euler)
    euler.set_timesteps(50)
    low, high = (int(euler.timesteps[-index - 1]) for index in (44, 47))
    torch.manual_seed(0)
    made = pipeline.forward_loop(torch.zeros(64, 4, 64, 64), low, high, None).std().item()
    sigmas = {int(time): sigma.item() for time, sigma in zip(euler.timesteps, euler.sigmas)}
    needed = (sigmas[high] ** 2 - sigmas[low] ** 2) ** 0.5
    print(f"Euler, {low} to {high}: noise of {made:.3f} instead of {needed:.2f}: {100 * made / needed:.1f} %")
    frames = torch.arange(4.0).reshape(4, 1, 1).expand(4, 3, 64).contiguous()
    layer = model.unet.mid_block.attentions[0].transformer_blocks[0].attn1
    with torch.no_grad():
        for projection in (layer.to_q, layer.to_k):
            projection.weight.zero_()
        layer.to_v.weight.copy_(torch.eye(128))
        layer.to_out[0].weight.copy_(torch.eye(128))
        layer.to_out[0].bias.zero_()
        attended = reference.CrossFrameAttnProcessor2_0(batch_size=2)(layer, torch.cat([frames, frames], -1))
    print(f"without guidance, frames 0 1 2 3 attend to {attended[:, 0, 0].round().int().tolist()}")
    for steps in (20, 47, 48):
        try:
            with torch.no_grad():
                pipeline = zero_shot(model, DDIMScheduler(**SCHEDULE))
                pipeline(**{**COMMON, "num_inference_steps": steps}, output_type="latent")
            print(f"{steps} steps: runs")
        except Exception as error:  # whatever it fails with is the figure
            print(f"{steps} steps: {type(error).__name__}: {error}")


def main() -> None:
    names, model, control = build()
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "names.json").write_text(json.dumps(names, indent=0) + "\n", encoding="utf-8")
    noise, made = draw_noise(), networks(model, control)
    made |= {f"video {name}": video(model, name, noise) for name in CASES}
    made["guided"] = guided(model, control, noise)
    made |= with_lora(model, control)
    np.savez_compressed(FOLDER / "outputs.npz", **made)
    for name, array in made.items():
        print(f"{name}: {array.shape}, standard deviation {array.std():.3f}")
    show_defects(build()[1])


if __name__ == "__main__":
    main()
