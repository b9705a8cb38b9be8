"""The embedded model's tokenizer: a small CLIP vocabulary that still accepts any text."""

from __future__ import annotations

import json
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from training.pictures.sprites import CAPTIONS, PLACES, SUBJECTS

LENGTH = 32
VOCABULARY = 2000
START, END = "<|startoftext|>", "<|endoftext|>"
# CLIP's own pattern (openai/CLIP, simple_tokenizer.py) without the special tokens.
PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def train(words: list[str], folder: Path) -> None:
    """Learns merges from the captions and ``words``; writes a CLIPTokenizer's files to ``folder``."""
    captions = [
        CAPTIONS[0].format(a="a", subject=s, place=p) for s in SUBJECTS for q in PLACES.values() for p in q.phrases
    ]
    tokenizer = _bpe()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - 2, initial_alphabet=_alphabet(), end_of_word_suffix="</w>", show_progress=False
    )
    tokenizer.train_from_iterator(captions + words, trainer)
    state = json.loads(tokenizer.to_str())["model"]
    vocabulary = state["vocab"]
    for token in (START, END):
        vocabulary[token] = len(vocabulary)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False))
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in state["merges"]]
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    special = {"bos_token": START, "eos_token": END, "unk_token": END, "pad_token": END}
    (folder / "special_tokens_map.json").write_text(json.dumps(special, indent=2))
    config = {"tokenizer_class": "CLIPTokenizer", "model_max_length": LENGTH, "do_lower_case": True, **special}
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2))


def load(folder: Path):
    """A function from texts to token ids, ``[count][32]``: start, text cut to fit, end, padded with end."""
    vocabulary = json.loads((folder / "vocab.json").read_text())
    merges = [tuple(line.split()) for line in (folder / "merges.txt").read_text().splitlines()[1:]]
    tokenizer = _bpe(vocabulary, merges)
    start, end = vocabulary[START], vocabulary[END]

    def encode(texts: list[str]) -> list[list[int]]:
        bodies = [[start, *ids.ids[: LENGTH - 2], end] for ids in tokenizer.encode_batch(texts)]
        return [ids + [end] * (LENGTH - len(ids)) for ids in bodies]

    return encode


def _bpe(vocabulary=None, merges=None) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    split = pre_tokenizers.Split(Regex(PATTERN), behavior="removed", invert=True)
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, byte_level])
    return tokenizer


def _alphabet() -> list[str]:
    return sorted(pre_tokenizers.ByteLevel.alphabet())
