"""Which files a model consists of, in the layouts of diffusers and Paddle, and what a folder lacks of them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ppt2v.environment.shipped import shipped
from ppt2v.errors import InputError
from ppt2v.language import Message, either, words

from .json_files import read_json
from .modelscope_files import CONFIGURATION, describes, file_names

_FORMATS = (
    "diffusion_paddle_model.safetensors",
    "diffusion_pytorch_model.safetensors",
    "model.safetensors",
    "model_state.pdparams",
    "diffusion_pytorch_model.bin",
    "pytorch_model.bin",
)
_VARIANTS = ("fp16", "bf16", "fp32")  # copies of the same weights in another precision
_INDEX = re.compile(r"\.index(\.\w+)?\.json$")
WEIGHTS = (
    *(name for plain in _FORMATS for name in (plain, f"{plain}.index.json")),
    *(
        name
        for variant in _VARIANTS
        for plain in _FORMATS
        for name in (re.sub(r"(\.\w+)$", rf".{variant}\1", plain), f"{plain}.index.{variant}.json")
    ),
)

# The files of a part, as groups of alternatives: of each group the first that exists is used.
NETWORK = (("config.json",), WEIGHTS)
_VOCABULARY = (("vocab.json", "tokenizer.json"), ("merges.txt", "tokenizer.json"))
PIPELINE = {
    "scheduler": (("scheduler_config.json",),),
    "tokenizer": _VOCABULARY,
    "text_encoder": NETWORK,
    "text_encoder_2": NETWORK,
    "tokenizer_2": _VOCABULARY,
    "unet": NETWORK,
    "residual": NETWORK,
    "vae": NETWORK,
}
_WORDS = ("tokenizer_config.json", "special_tokens_map.json")
OPTIONAL = ("ppt2v.json", *(f"{folder}/{name}" for folder in ("tokenizer", "tokenizer_2") for name in _WORDS))
_SECOND = ("text_encoder_2", "tokenizer_2")  # which Stable Diffusion XL has beside the first
# What only pipelines of other families have.
_OTHER_FAMILIES = {
    "transformer": "another family, with a transformer for its UNet",
    "motion_adapter": "AnimateDiff",
    "image_normalizer": "Stable unCLIP",
    "prior": "another family, with a prior",
    "movq": "Kandinsky",
    "low_res_scheduler": "an upscaler",
    "depth_estimator": "depth to image",
    "vocoder": "sound",
}


def weight_files(folder: Path) -> list[Path]:
    """The file, or the shards, that hold the weights of the network in a folder; InputError if there are none."""
    file = next((folder / name for name in WEIGHTS if (folder / name).exists()), None)
    if file is None:
        raise InputError(
            "E-MODEL-NO-WEIGHTS",
            "{folder} has no {files}; give a folder in the layout of diffusers",
            folder=folder,
            files=alternatives(WEIGHTS),
        )
    return shards(file) if is_index(file) else [file]


def is_index(file: Path) -> bool:
    """Whether a file's name is that of an index, which says in which shards the weights are."""
    return bool(_INDEX.search(file.name))


def shards(index: Path) -> list[Path]:
    """The files that an index of weights names, whether or not they exist; those beside it come last.

    A name may be a path from the index's folder to another file of the model, or of those that ship with ppt2v, for a
    network of which only some weights are its own: read in this order, those beside the index replace what the other
    file has of the same name.

    Raises:
        InputError: the index names anything else.
    """
    named = read_json(index).get("weight_map")
    if not isinstance(named, dict) or not named or not all(isinstance(name, str) for name in named.values()):
        raise InputError(
            "E-INDEX-FILES",
            "{index} names no files of weights (weight_map); download or copy this file again",
            index=index,
        )
    names = sorted(set(named.values()), key=lambda name: ("/" not in name, name))
    files = [Path(os.path.normpath(index.absolute().parent / name)) for name in names]
    homes = list(_homes(index.absolute()))
    for name, file in zip(names, files):
        if not file.suffix or not any(home in file.parents for home in homes):
            raise InputError(
                "E-INDEX-NAME",
                "{index} names the file {name!r}, which is no part of the model; download it again",
                index=index,
                name=name,
            )
    return files


def _homes(index: Path) -> Iterator[Path]:
    """The folders in which the shards of an index may be: its own, its model's, and those that ship."""
    yield index.parent
    model = index.parent.parent
    while (model / "model_index.json").exists() and model != model.parent:
        yield model
        model = model.parent
    yield from shipped("embedded", "embedded")


def first_missing(folder: Path) -> str | Message | None:
    """The first file that a model folder lacks: a pipeline's with a model_index.json, else a single network's.

    A folder with ModelScope's configuration.json has files of its own.
    """
    if is_modelscopes(folder / CONFIGURATION):
        names = file_names(read_json(folder / CONFIGURATION)).values()
        return next((name for name in names if not (folder / name).is_file()), None)
    if not (folder / "model_index.json").exists():
        return _part_lacks(folder, NETWORK) if (folder / "config.json").exists() else "model_index.json"
    for part in parts(read_json(folder / "model_index.json")):
        lacks = _part_lacks(folder / part, PIPELINE[part])
        if lacks:
            return words("{part}/{lacks}", part=part, lacks=lacks)
    return None


def is_modelscopes(configuration: Path | None) -> bool:
    """Whether a file is the configuration.json of a text-to-video model in ModelScope's own layout."""
    return configuration is not None and configuration.exists() and describes(read_json(configuration))


def _part_lacks(folder: Path, groups: tuple[tuple[str, ...], ...]) -> str | Message | None:
    for group in groups:
        names = [name for name in group if (folder / name).is_file()]
        if not names:
            return alternatives(group)
        if is_index(folder / names[0]):
            missing = [os.path.relpath(shard, folder) for shard in shards(folder / names[0]) if not shard.is_file()]
            if missing:
                return missing[0]
    return None


def parts(model_index: dict[str, Any]) -> list[str]:
    """The parts, of those that are used here, that a model_index.json names."""
    return [part for part in PIPELINE if _is_there(model_index.get(part))]


def _is_there(entry: Any) -> bool:
    """Whether an entry of a model_index.json names a library and a class: those of a part that is left out are null."""
    return any(entry) if isinstance(entry, list) else bool(entry)


def check_pipeline(model_index: Mapping[str, Any], source: str | Message) -> None:
    """Refuses a pipeline of another family of models than those that are run here, by what it names.

    Args:
        model_index: the content of its model_index.json.
        source: what it belongs to, for errors.

    Raises:
        InputError: it has a part that is not used here, or lacks one that is, or reads texts otherwise than by CLIP.
    """
    name = model_index.get("_class_name")
    for part, family in _OTHER_FAMILIES.items():
        if _is_there(model_index.get(part)):
            raise InputError(
                "E-MODEL-FAMILY",
                "{source} is a model of {family} (a {class_name}, which has the part {part}), and such are not run "
                "here; give one of Stable Diffusion 1.x, 2.x or XL, or for the mode synthesize one of ModelScope's "
                "text to video",
                source=source,
                family=family,
                class_name=name,
                part=part,
            )
    unneeded = ("residual",) if has_two_encoders(model_index) else ("residual", *_SECOND)
    missing = [part for part in PIPELINE if part not in unneeded and not _is_there(model_index.get(part))]
    if missing:
        raise InputError(
            "E-MODEL-PARTS",
            "{source} is no whole model: its model_index.json names no {parts}",
            source=source,
            parts=missing,
        )
    _check_reader(model_index["text_encoder"], source)


def _check_reader(text_encoder: Any, source: str | Message) -> None:
    """Refuses models whose texts are read by another network than CLIP, as an index names it: [library, class]."""
    name = text_encoder[-1] if isinstance(text_encoder, list) else text_encoder
    if not str(name).startswith("CLIP"):
        raise InputError(
            "E-MODEL-TEXTS",
            "{source} has its prompts read by a {class_name} and not by CLIP, as models for Chinese or many languages "
            "do, and such are not run here; give one of Stable Diffusion 1.x, 2.x or XL, and an English prompt",
            source=source,
            class_name=name,
        )


def has_two_encoders(model_index: Mapping[str, Any]) -> bool:
    """Whether a pipeline is one of Stable Diffusion XL, be it whole or not."""
    named = str(model_index.get("_class_name")).startswith("StableDiffusionXL")
    return named or any(_is_there(model_index.get(part)) for part in _SECOND)


def alternatives(names: tuple[str, ...]) -> str | Message:
    """How an error names a group of which one file is needed."""
    return words("weights ({formats})", formats=_FORMATS) if names is WEIGHTS else either(names)
