"""Makes the guided modes' folders from what was trained: the layout of diffusers, float16 safetensors.

    python -m training.export.guided OUT __assets__/embedded canny depth pose pix2pix saliency

Parts that a training left as they are in the embedded model share its weights.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from training.export.image import MODEL_INDEX, share, text_state, write_json, write_weights
from training.train.control import CONDITIONING
from training.train.pix2pix import SCHEDULE
from training.train.unet import TEXT, UNET, Networks

CONTROLNET = {
    "_class_name": "ControlNetModel",
    "in_channels": 4,
    "conditioning_channels": 3,
    "conditioning_embedding_out_channels": CONDITIONING,
    "controlnet_conditioning_channel_order": "rgb",
    **{
        name: UNET[name]
        for name in (
            "down_block_types",
            "block_out_channels",
            "layers_per_block",
            "attention_head_dim",
            "norm_num_groups",
            "cross_attention_dim",
        )
    },
}
PIX2PIX_INDEX = {
    **MODEL_INDEX,
    "_class_name": "StableDiffusionInstructPix2PixPipeline",
    "scheduler": ["diffusers", "EulerAncestralDiscreteScheduler"],
}
# What EulerAncestralDiscreteScheduler takes of the schedule.
EULER = (
    "num_train_timesteps",
    "beta_start",
    "beta_end",
    "beta_schedule",
    "timestep_spacing",
    "prediction_type",
    "steps_offset",
)


def average(out: Path, name: str) -> dict[str, torch.Tensor]:
    return torch.load(out / f"{name}.pt")["average"]


def export_control(out: Path, folder: Path, name: str) -> None:
    write_json(folder / name / "config.json", CONTROLNET)
    write_weights(folder / name / "diffusion_pytorch_model.safetensors", average(out, name))


def export_pix2pix(out: Path, folder: Path, name: str) -> None:
    networks, folder = Networks(), folder / name
    state = average(out, name)
    unet = {key.removeprefix("unet."): tensor for key, tensor in state.items() if key.startswith("unet.")}
    networks.text.load_state_dict({k.removeprefix("text."): v for k, v in state.items() if k.startswith("text.")})
    write_json(folder / "model_index.json", PIX2PIX_INDEX)
    euler = {"_class_name": "EulerAncestralDiscreteScheduler", **{key: SCHEDULE[key] for key in EULER}}
    write_json(folder / "scheduler/scheduler_config.json", euler)
    text = {"architectures": ["CLIPTextModel"], "model_type": "clip_text_model", **TEXT}
    write_json(folder / "text_encoder/config.json", text)
    write_json(folder / "unet/config.json", {"_class_name": "UNet2DConditionModel", **UNET, "in_channels": 8})
    write_weights(folder / "text_encoder/model.safetensors", text_state(networks))
    write_weights(folder / "unet/diffusion_pytorch_model.safetensors", unet)
    share(folder, folder.parent, "vae", "tokenizer")


def export_saliency(out: Path, folder: Path, name: str) -> None:
    state = torch.load(out / f"{name}.pt")["model"]
    counts = {key for key in state if key.endswith("num_batches_tracked")}
    write_weights(folder / name / "u2netp.safetensors", {key: state[key].half() for key in state if key not in counts})


EXPORTS = {
    "canny": export_control,
    "depth": export_control,
    "pose": export_control,
    "pix2pix": export_pix2pix,
    "saliency": export_saliency,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="+", choices=EXPORTS)
    args = parser.parse_args()
    for name in args.names:
        EXPORTS[name](args.out, args.folder, name)


if __name__ == "__main__":
    main()
