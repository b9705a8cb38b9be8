"""Where a tokenizer is found, and how it is loaded."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from ppt2v.errors import InputError
from ppt2v.models.layouts.diffusers import read_json
from ppt2v.models.sources import catalogue, locate

CLIP = "openai/clip-vit-large-patch14"  # the text encoder of Stable Diffusion 1.x
_FILES = ("vocab.json", "tokenizer.json")
_ADVICE = (
    "a single file has no vocabulary; give tokenizer=... (--tokenizer) with the folder or id of any model of Stable "
    f"Diffusion 1.x, or hf:{CLIP}"
)


def locate_tokenizer(name: str | None, model: Path) -> Path:
    """The folder of the tokenizer in a place: by default the model's own, for a single file that of CLIP.

    Args:
        name: a model or a tokenizer, as folder or id; None for the default.
        model: folder or single file of the model.

    Raises:
        InputError: there is no tokenizer, or it cannot be downloaded.
    """
    if name is None and model.is_dir():
        return model / "tokenizer"
    if name is None:
        return _cached() or _downloaded()
    if locate.is_embedded(name):
        return locate.locate(name) / "tokenizer"
    places = tuple(f"{folder}{file}" for folder in ("tokenizer/", "") for file in _FILES)
    file = locate.locate_file(name, places, "tokenizer")
    if file.name == "vocab.json":
        locate.locate_file(name, ("tokenizer/merges.txt", "merges.txt"), "tokenizer")
    return file.parent


def _cached() -> Path | None:
    """The tokenizer of a Stable Diffusion 1.x model that has been downloaded: all have that of CLIP."""
    known = {id for model in catalogue.KNOWN if model.group == "image" for id in (model.id, model.paddle_id)}
    return next((folder / "tokenizer" for name, folder, _ in locate.cached() if name.split(":")[-1] in known), None)


def _downloaded() -> Path:
    try:
        return locate_tokenizer(CLIP, Path())
    except InputError as error:
        raise InputError(f"{error}; {_ADVICE}") from None


def load_tokenizer(folder: Path):
    """A CLIPTokenizer from vocab.json and merges.txt, or from tokenizer.json alone (all that transformers 5 writes)."""
    from ppdiffusers.transformers import CLIPTokenizer

    if (folder / "vocab.json").exists() and (folder / "merges.txt").exists():
        return CLIPTokenizer.from_pretrained(str(folder))
    with tempfile.TemporaryDirectory() as split:
        _split_tokenizer(read_json(folder / "tokenizer.json"), Path(split))
        for name in ("tokenizer_config.json", "special_tokens_map.json"):
            if (folder / name).exists():
                shutil.copyfile(folder / name, Path(split) / name)
        return CLIPTokenizer.from_pretrained(split)


def _split_tokenizer(tokenizer: dict, folder: Path) -> None:
    """Writes the vocab.json and merges.txt that a tokenizer.json was made of."""
    added = {token["content"]: token["id"] for token in tokenizer["added_tokens"]}
    vocabulary = {**tokenizer["model"]["vocab"], **added}
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in tokenizer["model"]["merges"]]
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]), encoding="utf-8")
