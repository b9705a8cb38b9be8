"""Makes the embedded model's folder from what was trained: the layout of diffusers, float16 safetensors.

python -m training.export.image OUT __assets__/embedded
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from safetensors import safe_open
from safetensors.torch import save_file

from training.train.unet import SCHEDULER, TEXT, UNET, Networks

MODEL_INDEX = {
    "_class_name": "StableDiffusionPipeline",
    "scheduler": ["diffusers", "DDIMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}

OWN_WEIGHTS = "adapted.safetensors"  # the weights of a network that are its own, where it shares the others

# What every version of the class knows; newer ones add parameters, which older ones warn about.
VAE = (
    "in_channels",
    "out_channels",
    "down_block_types",
    "up_block_types",
    "block_out_channels",
    "layers_per_block",
    "act_fn",
    "latent_channels",
    "norm_num_groups",
    "sample_size",
    "scaling_factor",
)


def write_json(path: Path, content: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n")


def write_weights(path: Path, state: dict[str, torch.Tensor]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    halved = {name: tensor.half() if tensor.dtype == torch.float32 else tensor for name, tensor in state.items()}
    save_file({name: tensor.contiguous() for name, tensor in halved.items()}, path, {"format": "pt"})


def share_weights(folder: Path, donor: Path, own: dict[str, torch.Tensor] | None = None) -> None:
    """Makes weights that are those of another network's file ``donor`` but for its ``own``: an index of shards.

    The index has the name that goes with the donor's; its own weights are in a shard beside it.
    """
    own, folder = own or {}, folder.resolve()
    with safe_open(donor, "pt") as file:
        shared = {name: file.get_tensor(name) for name in file.keys() if name not in own}
    others = dict.fromkeys(shared, os.path.relpath(donor.resolve(), folder))
    write_json(
        folder / f"{donor.name}.index.json",
        {
            "metadata": {"total_size": sum(2 * weight.numel() for weight in {**shared, **own}.values())},
            "weight_map": {**others, **dict.fromkeys(own, OWN_WEIGHTS)},
        },
    )
    if own:
        write_weights(folder / OWN_WEIGHTS, own)


def share(folder: Path, of: Path, *parts: str) -> None:
    """Gives a model folder parts of another one as they are: small files are copied, weights shared."""
    for part in parts:
        (folder / part).mkdir(parents=True, exist_ok=True)
        for file in (of / part).iterdir():
            if file.suffix == ".safetensors":
                share_weights(folder / part, file)
            else:
                shutil.copy(file, folder / part)


def text_state(networks: Networks) -> dict[str, torch.Tensor]:
    """The text encoder's weights under the names of hub-era files, which start with ``text_model.``."""
    state = networks.text.state_dict()
    names = {name: name if name.startswith("text_model.") else f"text_model.{name}" for name in state}
    return {names[name]: tensor for name, tensor in state.items() if "position_ids" not in name}


def export(out: Path, folder: Path) -> None:
    """Writes every part but ``ppt2v.json``, ``words.json`` and the model card, which are kept by hand."""
    networks = Networks()
    networks.load_state_dict(torch.load(out / "unet.pt")["average"])
    vae = AutoencoderKL.from_pretrained(out / "vae")
    write_json(folder / "model_index.json", MODEL_INDEX)
    write_json(folder / "scheduler/scheduler_config.json", {"_class_name": "DDIMScheduler", **SCHEDULER})
    text_config = {"architectures": ["CLIPTextModel"], "model_type": "clip_text_model", **TEXT}
    write_json(folder / "text_encoder/config.json", text_config)
    write_json(folder / "unet/config.json", {"_class_name": "UNet2DConditionModel", **UNET})
    write_json(folder / "vae/config.json", {"_class_name": "AutoencoderKL", **{name: vae.config[name] for name in VAE}})
    write_weights(folder / "text_encoder/model.safetensors", text_state(networks))
    write_weights(folder / "unet/diffusion_pytorch_model.safetensors", networks.unet.state_dict())
    write_weights(folder / "vae/diffusion_pytorch_model.safetensors", vae.state_dict())
    shutil.copytree(out / "tokenizer", folder / "tokenizer", dirs_exist_ok=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("folder", type=Path)
    export(**vars(parser.parse_args()))
