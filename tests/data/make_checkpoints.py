"""Writes the PyTorch files in tests/data/checkpoints; needs torch, diffusers and transformers 5, the tests do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

FOLDER = Path(__file__).parent / "checkpoints"
WORDS = ("cat", "dog", "fox", "in", "the", "snow", "on", "beach")
PROMPT = "the fox in the snow"


def clip_vocabulary() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """A byte-level CLIP vocabulary that has ``WORDS`` as whole tokens: token to id, and the merges."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    alphabet = [chr(byte) for byte in printable] + [chr(256 + n) for n in range(256 - len(printable))]
    merges = {}
    for word in WORDS:
        left = word[0]
        for letter in [*word[1:-1], f"{word[-1]}</w>"]:
            merges[left, letter] = None
            left += letter
    tokens = [*alphabet, *(f"{letter}</w>" for letter in alphabet), *("".join(merge) for merge in merges)]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    return {token: id for id, token in enumerate(dict.fromkeys(tokens))}, list(merges)


class Callback:
    """What training programs leave in their checkpoints beside the weights."""

    def __init__(self) -> None:
        self.best = np.float64(0.5)


def tensors() -> dict[str, torch.Tensor]:
    """Numbers from 0 to 23 [4, 6] in every type, and as views of one storage."""
    numbers = torch.arange(24.0).reshape(4, 6)
    return {
        "float32": numbers,
        "float64": numbers.double(),
        "float16": numbers.half(),
        "bfloat16": numbers.bfloat16(),
        "int64": numbers.long(),
        "transposed": numbers.T,
        "part": numbers[1:3, ::2],
        "transposed_bfloat16": numbers.bfloat16().T,
        "parameter": torch.nn.Parameter(numbers.clone()),
        "scalar": torch.tensor(3.0),
        "empty": torch.zeros(0, 2),
    }


def write_files() -> None:
    torch.save(tensors(), FOLDER / "zip.bin")
    torch.save(tensors(), FOLDER / "legacy.bin", _use_new_zipfile_serialization=False)
    lightning = {"epoch": 3, "callbacks": {Callback: Callback()}, "state_dict": {"weight": torch.ones(2, 3)}}
    torch.save(lightning, FOLDER / "lightning.ckpt")
    torch.save({"weight": torch.ones(2, 3), "callback": Callback()}, FOLDER / "object.bin")
    save_file({name: tensor.contiguous() for name, tensor in tensors().items()}, FOLDER / "types.safetensors")
    parameters = torch.nn.ParameterDict({"*": torch.nn.Parameter(torch.ones(2, 3))})
    torch.save({"string_to_token": {"*": 265}, "string_to_param": parameters}, FOLDER / "parameter_dict.pt")


def write_float8() -> None:
    """Every number of the two types of 8 bits, and what PyTorch widens them to."""
    codes = torch.arange(256, dtype=torch.uint8)
    numbers = {"e4m3": codes.view(torch.float8_e4m3fn), "e5m2": codes.view(torch.float8_e5m2)}
    torch.save(numbers, FOLDER / "float8.bin")
    torch.save(numbers, FOLDER / "float8_legacy.bin", _use_new_zipfile_serialization=False)
    save_file({name: array.clone() for name, array in numbers.items()}, FOLDER / "float8.safetensors")
    np.savez(FOLDER / "float8.npz", **{name: array.float().numpy() for name, array in numbers.items()})


def write_text_encoder() -> None:
    """A text encoder and a tokenizer as transformers 5 writes them, and what the encoder makes of ``PROMPT``."""
    vocabulary, merges = clip_vocabulary()
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=77)
    tokenizer.save_pretrained(FOLDER / "tokenizer")
    torch.manual_seed(0)
    config = CLIPTextConfig(
        vocab_size=len(vocabulary),
        hidden_size=8,
        intermediate_size=12,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=77,
        bos_token_id=len(vocabulary) - 2,
        eos_token_id=len(vocabulary) - 1,
    )
    encoder = CLIPTextModel(config).half()
    encoder.save_pretrained(FOLDER / "text_encoder")
    ids = tokenizer(PROMPT, padding="max_length", max_length=77, return_tensors="pt").input_ids
    np.save(FOLDER / "text_encoder" / "ids.npy", ids.numpy().astype(np.int32))
    with torch.no_grad():
        np.save(FOLDER / "text_encoder" / "output.npy", encoder.float()(ids)[0].numpy())


def write_vae() -> None:
    """An autoencoder in bfloat16 as diffusers writes it, and what its decoder makes of a ramp."""
    torch.manual_seed(0)
    vae = AutoencoderKL(block_out_channels=(4,), norm_num_groups=2, latent_channels=4, layers_per_block=1)
    vae.bfloat16().save_pretrained(FOLDER / "vae")
    latents = torch.linspace(-1, 1, 4 * 4 * 6).reshape(1, 4, 4, 6)
    with torch.no_grad():
        np.save(FOLDER / "vae" / "output.npy", vae.float().decode(latents).sample.numpy())


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    write_files()
    write_float8()
    write_text_encoder()
    write_vae()
