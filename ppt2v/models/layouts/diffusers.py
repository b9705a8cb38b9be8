"""Which files a model consists of, in the layouts of diffusers and Paddle, and what a folder lacks of them."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from ppt2v.errors import InputError

from .modelscope_files import CONFIGURATION, describes, file_names

_FORMATS = (
    "diffusion_paddle_model.safetensors",
    "diffusion_pytorch_model.safetensors",
    "model.safetensors",
    "model_state.pdparams",
    "diffusion_pytorch_model.bin",
    "pytorch_model.bin",
)
INDEX = ".index.json"
WEIGHTS = (
    *(name for plain in _FORMATS for name in (plain, plain + INDEX)),
    *(re.sub(r"(\.\w+)$", r".fp16\1", plain) for plain in _FORMATS),
)

# The files of a part, as groups of alternatives: of each group the first that exists is used.
NETWORK = (("config.json",), WEIGHTS)
PIPELINE = {
    "scheduler": (("scheduler_config.json",),),
    "tokenizer": (("vocab.json", "tokenizer.json"), ("merges.txt", "tokenizer.json")),
    "text_encoder": NETWORK,
    "unet": NETWORK,
    "residual": NETWORK,
    "vae": NETWORK,
}
OPTIONAL = ("ppt2v.json", "tokenizer/tokenizer_config.json", "tokenizer/special_tokens_map.json")


def weight_files(folder: Path) -> list[Path]:
    """The file, or the shards, that hold the weights of the network in a folder; InputError if there are none."""
    file = next((folder / name for name in WEIGHTS if (folder / name).exists()), None)
    if file is None:
        raise InputError(f"{folder} has no {alternatives(WEIGHTS)}; give a folder in the layout of diffusers")
    return shards(file) if file.name.endswith(INDEX) else [file]


def shards(index: Path) -> list[Path]:
    """The files that an index of weights names, whether or not they exist; those beside it come last.

    A name may be a path from the index's folder to another model's file, for a network of which only some weights are
    its own: read in this order, those beside the index replace what the other model has of the same name.
    """
    names = sorted(set(read_json(index)["weight_map"].values()), key=lambda name: ("/" not in name, name))
    return [Path(os.path.normpath(index.parent / name)) for name in names]


def read_json(file: Path) -> dict:
    """The content of a file of a model; InputError if it is missing or no JSON."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{file.parent} has no {file.name}; give a folder in the layout of diffusers") from None
    except ValueError as error:
        raise InputError(f"{file} is no JSON ({error}); download or copy this file again") from None


def first_missing(folder: Path) -> str | None:
    """The first file that a model folder lacks: a pipeline's with a model_index.json, else a single network's.

    A folder with ModelScope's configuration.json has files of its own.
    """
    if is_modelscopes(folder / CONFIGURATION):
        names = file_names(read_json(folder / CONFIGURATION)).values()
        return next((name for name in names if not (folder / name).exists()), None)
    if not (folder / "model_index.json").exists():
        return _part_lacks(folder, NETWORK) if (folder / "config.json").exists() else "model_index.json"
    for part in parts(read_json(folder / "model_index.json")):
        lacks = _part_lacks(folder / part, PIPELINE[part])
        if lacks:
            return f"{part}/{lacks}"
    return None


def is_modelscopes(configuration: Path | None) -> bool:
    """Whether a file is the configuration.json of a text-to-video model in ModelScope's own layout."""
    return configuration is not None and configuration.exists() and describes(read_json(configuration))


def _part_lacks(folder: Path, groups: tuple[tuple[str, ...], ...]) -> str | None:
    for group in groups:
        names = [name for name in group if (folder / name).exists()]
        if not names:
            return alternatives(group)
        if names[0].endswith(INDEX):
            missing = [os.path.relpath(shard, folder) for shard in shards(folder / names[0]) if not shard.exists()]
            if missing:
                return missing[0]
    return None


def parts(model_index: dict) -> list[str]:
    """The parts, of those that are used here, that a model_index.json names."""
    return [part for part in PIPELINE if (model_index.get(part) or [None])[0]]


def alternatives(names: tuple[str, ...]) -> str:
    """How an error names a group of which one file is needed."""
    return f"weights ({', '.join(_FORMATS)})" if names is WEIGHTS else " or ".join(names)
