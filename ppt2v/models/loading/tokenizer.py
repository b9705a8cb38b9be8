"""Where a tokenizer is found, and how it is loaded."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from ppt2v.errors import InputError
from ppt2v.language import words
from ppt2v.models.layouts import clip_vocabulary
from ppt2v.models.layouts.json_files import read_json
from ppt2v.models.sources import locate

_FILES = ("vocab.json", "tokenizer.json")


def find_tokenizer(name: str | None, model: Path, padding: str = clip_vocabulary.END, part: str = "tokenizer"):
    """A tokenizer of a model.

    Args:
        name: a model or a tokenizer, as folder or id, whose vocabulary is used; None: the model's own, for a single
            file that of CLIP, which ships with ppt2v.
        model: folder or single file of the model.
        padding: what fills short texts up, where neither the tokenizer's files say it nor are they the first's.
        part: "tokenizer", or "tokenizer_2" of a model that has two; both read the vocabulary of ``name``.

    Raises:
        InputError: there is no tokenizer, or it cannot be downloaded.
    """
    if name is None:
        return load_tokenizer(model / part) if model.is_dir() else clip_tokenizer(padding)
    tokenizer = load_tokenizer(locate_tokenizer(name))
    if part != "tokenizer":
        tokenizer.pad_token = padding
        _read_padding_as_text(tokenizer)
    return tokenizer


def locate_tokenizer(name: str) -> Path:
    """The folder of the tokenizer in a place, a model's or a tokenizer's folder or id; errors as ``find_tokenizer``."""
    if locate.is_embedded(name):
        return locate.locate(name) / "tokenizer"
    places = tuple(f"{folder}{file}" for folder in ("tokenizer/", "") for file in _FILES)
    file = locate.locate_file(name, places, words("tokenizer"))
    if file.name == "vocab.json":
        locate.locate_file(name, ("tokenizer/merges.txt", "merges.txt"), words("tokenizer"))
    return file.parent


def clip_tokenizer(padding: str = clip_vocabulary.EXCLAMATION):
    """CLIP's tokenizer; ``padding`` as for ``clip_vocabulary.write_tokenizer``."""
    with tempfile.TemporaryDirectory() as made:
        clip_vocabulary.write_tokenizer(Path(made), padding)
        return load_tokenizer(Path(made))


def load_tokenizer(folder: Path):
    """A CLIPTokenizer from vocab.json and merges.txt, or from tokenizer.json alone (all that transformers 5 writes).

    Raises:
        InputError: the files are damaged.
    """
    try:
        tokenizer = _load(folder)
        if not isinstance(tokenizer.model_max_length, (int, float)):  # which the library compares with lengths
            raise TypeError(f"model_max_length is {tokenizer.model_max_length!r}")
    except InputError:
        raise
    except Exception as error:  # whatever the library raises for damaged files
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise InputError(
            "E-TOKENIZER-DAMAGED",
            "the tokenizer in {folder} cannot be used ({reason}); download or copy it again",
            folder=folder,
            reason=reason,
        ) from error
    if tokenizer.pad_token != tokenizer.eos_token:
        _read_padding_as_text(tokenizer)
    return tokenizer


def _load(folder: Path):
    from ppdiffusers.transformers import CLIPTokenizer

    if (folder / "vocab.json").exists() and (folder / "merges.txt").exists():
        return CLIPTokenizer.from_pretrained(str(folder))
    with tempfile.TemporaryDirectory() as split:
        _split_tokenizer(read_json(folder / "tokenizer.json"), Path(split))
        for name in ("tokenizer_config.json", "special_tokens_map.json"):
            if (folder / name).exists():
                shutil.copyfile(folder / name, Path(split) / name)
        return CLIPTokenizer.from_pretrained(split)


def _read_padding_as_text(tokenizer) -> None:
    """Models with OpenCLIP's encoder were trained on texts padded with "!", in which an exclamation mark was still one.

    The libraries' tokenizers would cut texts at each of them, and take it for padding.
    """
    tokenizer.unique_no_split_tokens = [
        token for token in tokenizer.unique_no_split_tokens if token != tokenizer.pad_token
    ]
    tokenizer._create_trie(tokenizer.unique_no_split_tokens)


def _split_tokenizer(tokenizer: dict, folder: Path) -> None:
    """Writes the vocab.json and merges.txt that a tokenizer.json was made of."""
    added = {token["content"]: token["id"] for token in tokenizer["added_tokens"]}
    vocabulary = {**tokenizer["model"]["vocab"], **added}
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in tokenizer["model"]["merges"]]
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]), encoding="utf-8")
