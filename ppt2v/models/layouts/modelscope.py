"""ModelScope's text-to-video synthesis as published: three PyTorch checkpoints and a configuration.json."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ppt2v.cache import Cache, default_folder, fingerprint
from ppt2v.errors import InputError
from ppt2v.models.formats import fitting, reading
from ppt2v.models.formats.writing import save_safetensors
from ppt2v.version import __version__

from . import file_configs, openclip_names
from .json_files import read_json
from .ldm_names import SCHEDULER, unet_table, vae_table
from .modelscope_files import CONFIGURATION, FILES, TASK, describes, file_names
from .modelscope_names import Tensors, to_diffusers, to_original

PARTS = ("unet", "vae", "text_encoder")
VAE_PREFIX = "first_stage_model."
# What the configuration says of the UNet, and the largest that it may be.
_LARGEST = {
    "unet_in_dim": 2**12,
    "unet_out_dim": 2**12,
    "unet_dim": 2**12,
    "unet_dim_mult": 2**6,
    "unet_context_dim": 2**16,
    "unet_head_dim": 2**12,
    "unet_res_blocks": 2**6,
}
_ARCHITECTURE = {*_LARGEST, "unet_attn_scales"}


class Part(NamedTuple):
    """A network as diffusers describes it: its config.json, and its weights by diffusers' names, in PyTorch's layout.

    ``table``: the names in ModelScope's file, for beginnings of diffusers'.
    """

    config: dict[str, Any]
    tensors: dict[str, np.ndarray]
    table: dict[str, str]


def is_original(folder: Path) -> bool:
    """Whether a folder is ModelScope's own."""
    file = folder / CONFIGURATION
    return file.exists() and describes(read_json(file))


def read(folder: Path, part: str) -> Part:
    """Reads one of ``PARTS``; its weights are views of the mapped file. Those that no network here has are left out.

    Raises:
        InputError: a file that is missing or damaged, or a configuration of another architecture.
    """
    tensors = reading.read(_file(folder, part)).tensors
    if part == "unet":
        return _unet(tensors, _architecture(read_json(folder / CONFIGURATION)))
    return _vae(tensors) if part == "vae" else _text_encoder(tensors)


def matched(part: Part, network, source: str) -> dict[str, np.ndarray]:
    """The weights by the names of the network and in Paddle's layout.

    Raises:
        InputError: names or shapes are not exactly those of the network; ``source`` names the file.
    """
    return fitting.match(network, reading.WeightFile(diffusers_names(part, network), reading.PYTORCH), source)


def diffusers_names(part: Part, network) -> dict[str, np.ndarray]:
    """The weights by the names of the network; those that it does not have keep the file's."""
    return to_diffusers(part.tensors, list(network.state_dict()), part.table)


def original_tensors(part: str, config: dict[str, Any], tensors: Tensors) -> dict[str, np.ndarray]:
    """What ModelScope's file of a part holds: the other way round.

    The last layer of the text tower, whose result is not used, is all zeros. What else no text to video needs (the
    image tower, the diffusion model beside the autoencoder) is not there.
    """
    if part == "unet":
        return to_original(tensors, unet_table(config, videos=True))
    if part == "text_encoder":
        layers = config["num_hidden_layers"]
        return _with_last_layer(openclip_names.unite(to_original(tensors, openclip_names.table(layers))), layers)
    renamed = to_original(tensors, vae_table(len(config["block_out_channels"]), config["layers_per_block"]))
    return {f"{VAE_PREFIX}{name}": array for name, array in renamed.items()}


def _with_last_layer(tensors: Tensors, number: int) -> dict[str, np.ndarray]:
    first, last = (f"transformer.resblocks.{layer}." for layer in (0, number))
    zeros = {name.replace(first, last): np.zeros_like(array) for name, array in tensors.items() if first in name}
    return {**tensors, **zeros}


def configuration(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration.json of a UNet, given its config.json.

    Raises:
        InputError: a UNet that ModelScope's code cannot have.
    """
    widths = config["block_out_channels"]
    attends = [kind.startswith("CrossAttn") for kind in config["down_block_types"]]
    mirrored = [kind.startswith("CrossAttn") for kind in config["up_block_types"][::-1]]
    if any(width % widths[0] for width in widths) or attends != mirrored or config.get("norm_num_groups", 32) != 32:
        raise InputError(
            "E-CONVERT-MODELSCOPE-UNET", "ModelScope's format cannot describe this UNet; convert to diffusers or paddle"
        )
    architecture = {
        "unet_in_dim": config["in_channels"],
        "unet_dim": widths[0],
        "unet_y_dim": 768,
        "unet_context_dim": config["cross_attention_dim"],
        "unet_out_dim": config["out_channels"],
        "unet_dim_mult": [width // widths[0] for width in widths],
        "unet_num_heads": 8,
        "unet_head_dim": config["attention_head_dim"],
        "unet_res_blocks": config["layers_per_block"],
        "unet_attn_scales": [2.0**-level for level, yes in enumerate(attends) if yes],
        "unet_dropout": 0.1,
        "temporal_attention": "True",
        "num_timesteps": 1000,
        "mean_type": "eps",
        "var_type": "fixed_small",
        "loss_type": "mse",
    }
    files = dict(FILES.values())
    return {
        "framework": "pytorch",
        "task": "text-to-video-synthesis",
        "model": {"type": TASK, "model_args": {**files, "max_frames": 16, "tiny_gpu": 1}, "model_cfg": architecture},
        "pipeline": {"type": TASK},
    }


def check_schedule(config: dict[str, Any]) -> None:
    """Refuses a noise schedule that ModelScope's files cannot tell of."""
    for name, value in SCHEDULER.items():
        if name != "_class_name" and config.get(name, value) != value:
            raise InputError(
                "E-CONVERT-MODELSCOPE-SCHEDULE",
                "ModelScope's format has no place for the schedule's {name}={value!r} (there it is {there!r}); "
                "convert to diffusers or paddle",
                name=name,
                value=config[name],
                there=value,
            )


def converted(folder: Path, part: str, build: Callable[[dict[str, Any]], Any]) -> Path:
    """The folder of a part in diffusers' layout, made at the first call and found again later.

    Args:
        folder: ModelScope's own.
        part: one of ``PARTS``.
        build: makes the network of a config.json, without weights.

    Raises:
        InputError: as ``read`` and ``matched``.
    """
    cache = Cache(default_folder() / "models", limit=float("inf"))
    file = _file(folder, part)
    if not file.exists():
        raise InputError(
            "E-MODELSCOPE-FILE-MISSING",
            "{folder} has no {name}; copy or download it again",
            folder=folder,
            name=file.name,
        )
    sources = [fingerprint(file), fingerprint(folder / CONFIGURATION)]
    key = {"model": TASK, "part": part, "files": sources, "versions": {"ppt2v": __version__}}

    def write(made: Path) -> None:
        found = read(folder, part)
        network = build(found.config)
        matched(found, network, str(file))
        (made / "config.json").write_text(json.dumps(found.config, indent=1), encoding="utf-8")
        name = "model.safetensors" if part == "text_encoder" else "diffusion_pytorch_model.safetensors"
        save_safetensors(made / name, diffusers_names(found, network), "pt")

    return cache.find(key) or cache.add(key, write)


def _file(folder: Path, part: str) -> Path:
    return folder / file_names(read_json(folder / CONFIGURATION))[part]


def _architecture(configuration: dict[str, Any]) -> dict[str, Any]:
    """What the configuration says of the UNet; InputError where something is missing or no number of a network."""
    model = configuration.get("model")
    given: Any = model.get("model_cfg") if isinstance(model, dict) else None
    missing = sorted(_ARCHITECTURE - given.keys()) if isinstance(given, dict) else ["everything"]
    if missing:
        raise InputError(
            "E-MODELSCOPE-LACKS",
            "{file} lacks {names} in model.model_cfg; give the file as published",
            file=CONFIGURATION,
            names=missing,
        )
    for name, most in _LARGEST.items():
        numbers = given[name] if name == "unet_dim_mult" else [given[name]]
        if not isinstance(numbers, list) or not all(type(each) is int and 1 <= each <= most for each in numbers):
            raise InputError(
                "E-MODELSCOPE-RANGE",
                "{file}: {name}={value!r}; the rule is whole numbers from 1 to {most}",
                file=CONFIGURATION,
                name=name,
                value=given[name],
                most=most,
            )
    if not isinstance(given["unet_attn_scales"], list):
        raise InputError(
            "E-MODELSCOPE-SCALES",
            "{file}: unet_attn_scales={value!r}; the rule is a list",
            file=CONFIGURATION,
            value=given["unet_attn_scales"],
        )
    return given


def _unet(tensors: Tensors, given: dict[str, Any]) -> Part:
    fixed = {"unet_num_heads": 8, "temporal_attention": "True", "num_timesteps": 1000, "mean_type": "eps"}
    for name, value in fixed.items():
        if str(given.get(name, value)) != str(value):
            raise InputError(
                "E-MODELSCOPE-ONLY",
                "{file}: {name}={value!r}; this architecture has {only!r} only",
                file=CONFIGURATION,
                name=name,
                value=given[name],
                only=value,
            )
    multiples = given["unet_dim_mult"]
    attends = [2.0**-level in given["unet_attn_scales"] for level in range(len(multiples))]
    config = {
        "in_channels": given["unet_in_dim"],
        "out_channels": given["unet_out_dim"],
        "block_out_channels": [given["unet_dim"] * multiple for multiple in multiples],
        "down_block_types": ["CrossAttnDownBlock3D" if yes else "DownBlock3D" for yes in attends],
        "up_block_types": ["CrossAttnUpBlock3D" if yes else "UpBlock3D" for yes in attends[::-1]],
        "layers_per_block": given["unet_res_blocks"],
        "cross_attention_dim": given["unet_context_dim"],
        "attention_head_dim": given["unet_head_dim"],
        "norm_num_groups": 32,
        "norm_eps": 1e-5,
        "sample_size": 32,
    }
    return Part({"_class_name": "UNet3DConditionModel", **config}, dict(tensors), unet_table(config, videos=True))


def _vae(tensors: Tensors) -> Part:
    own = {name[len(VAE_PREFIX) :]: array for name, array in tensors.items() if name.startswith(VAE_PREFIX)}
    if "encoder.conv_in.weight" not in own:
        raise InputError(
            "E-MODELSCOPE-VAE",
            "the autoencoder's checkpoint has no weights {prefix}...; give the file as published",
            prefix=VAE_PREFIX,
        )
    config = file_configs.vae_config(own, "the autoencoder's checkpoint")
    return Part(config, own, vae_table(len(config["block_out_channels"]), config["layers_per_block"]))


def _text_encoder(tensors: Tensors) -> Part:
    config, own = openclip_names.without_last_layer(tensors)
    return Part(config, own, openclip_names.table(config["num_hidden_layers"]))
