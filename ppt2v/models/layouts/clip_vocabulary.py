"""The vocabulary of CLIP's tokenizer, made from the merges that ship with the package."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

TOKENS = 77
END, EXCLAMATION = "<|endoftext|>", "!"  # what CLIP of OpenAI pads texts with, and what OpenCLIP does (its token 0)
# The lines 2 to 48895 of bpe_simple_vocab_16e6.txt, which OpenAI published with CLIP under the MIT licence.
_MERGES = Path(__file__).parent / "clip_merges.txt.gz"


def write_tokenizer(folder: Path, padding: str = EXCLAMATION) -> None:
    """Writes CLIP's tokenizer as a folder of vocabulary and merges.

    Args:
        folder: made if it is not there.
        padding: the token that fills short texts up, ``END`` or ``EXCLAMATION``.
    """
    merges = gzip.decompress(_MERGES.read_bytes()).decode("utf-8").splitlines()
    alphabet = _alphabet()
    tokens = [*alphabet, *(f"{letter}</w>" for letter in alphabet), *(merge.replace(" ", "") for merge in merges)]
    tokens += ["<|startoftext|>", END]
    special = {"bos_token": tokens[-2], "eos_token": END, "unk_token": END, "pad_token": padding}
    config = {**special, "tokenizer_class": "CLIPTokenizer", "model_max_length": TOKENS}
    contents = {
        "vocab.json": json.dumps({token: number for number, token in enumerate(tokens)}, ensure_ascii=False),
        "merges.txt": "\n".join(["#version: 0.2", *merges, ""]),
        "special_tokens_map.json": json.dumps(special),
        "tokenizer_config.json": json.dumps(config),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_text(content, encoding="utf-8")


def _alphabet() -> list[str]:
    """A printable letter for each byte, in the order of the vocabulary: printable bytes stand for themselves."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    return [chr(byte) for byte in printable] + [chr(256 + number) for number in range(256 - len(printable))]
