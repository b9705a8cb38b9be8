"""Folders to networks: the only file that puts a checkpoint into a network."""
from __future__ import annotations

import json
import shutil
import tempfile
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from . import checkpoint
from .devices import DTYPES
from .engine.cache import fingerprint
from .errors import InputError
from .hub import read_json, weight_files

if TYPE_CHECKING:
    import numpy as np
    from ppdiffusers import StableDiffusionPipeline


def model_defaults(folder: Path) -> dict:
    """The defaults that a model brings along in its optional ppt2v.json; {} without one."""
    file = folder / "ppt2v.json"
    return read_json(file) if file.exists() else {}


def frame_configs(folder: Path) -> tuple[dict, dict]:
    """The configurations of a model's UNet and VAE, which decide the sizes of its frames."""
    return read_json(folder / "unet" / "config.json"), read_json(folder / "vae" / "config.json")


def load_stable_diffusion(folder: Path, dtype: str = "float32", lazy: bool = False) -> StableDiffusionPipeline:
    """Stable Diffusion with a DDIM scheduler and without safety checker; dtype and lazy as for ``load_component``.

    Raises InputError for what is no such model or has weights that do not fit exactly.
    """
    if not (folder / "model_index.json").exists():
        raise InputError(f"{folder} is a single network and no Stable Diffusion model: it has no model_index.json")
    _check_dtype(dtype)
    from ppdiffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from ppdiffusers.transformers import CLIPTextModel

    return StableDiffusionPipeline(
        vae=load_component(folder / "vae", AutoencoderKL, dtype, lazy),
        text_encoder=load_component(folder / "text_encoder", CLIPTextModel, dtype, lazy),
        tokenizer=load_tokenizer(folder / "tokenizer"),
        unet=load_component(folder / "unet", UNet2DConditionModel, dtype, lazy),
        scheduler=DDIMScheduler.from_config(read_json(folder / "scheduler" / "scheduler_config.json")),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


class Weights:
    """The weights of a network, which are read when they are needed: an engine may have them in a form of its own.

    Args:
        network: what they belong to.
        files: where they are.

    Raises:
        InputError: names and shapes are not exactly those of the network, or a file cannot be read.
    """

    def __init__(self, network, files: list[Path]):
        self._network, self._files, self._loaded = network, files, False
        self.tensors()

    @cached_property
    def fingerprint(self) -> str:
        """Differs for different weights."""
        return " ".join(fingerprint(file) for file in self._files)

    def tensors(self) -> dict[str, np.ndarray]:
        """They themselves by the names of the network and in its layout: views of the files where possible."""
        return checkpoint.match(self._network, self._read(), str(self._files[0]))

    def load(self) -> None:
        """Puts them into the network, unless they are there."""
        if not self._loaded:
            checkpoint.put(self._network, self._read(), str(self._files[0]))
            self._loaded = True

    def release(self) -> None:
        """Frees their memory."""
        for parameter in self._network.parameters():
            parameter._clear_data()
        self._loaded = False

    def _read(self) -> checkpoint.Checkpoint:
        parts = [checkpoint.read(file) for file in self._files]
        tensors = {name: array for part in parts for name, array in part.tensors.items()}
        return checkpoint.Checkpoint(tensors, parts[0].layout)


def load_component(folder: Path, cls: type, dtype: str = "float32", lazy: bool = False):
    """A network of ``cls``, a model class of ppdiffusers or ppdiffusers.transformers, from its config.json and weights.

    The network is in evaluation mode and of type ``dtype`` (one of ``devices.DTYPES``) whatever the type of the file.
    With ``lazy`` it is without weights until ``network.weights.load()`` is called.
    Raises InputError unless names and shapes of the weights are exactly those of the network.
    """
    _check_dtype(dtype)
    files = weight_files(folder)
    network = build(cls, read_json(folder / "config.json"), dtype)
    network.eval()
    network.weights = Weights(network, files)
    if not lazy:
        network.weights.load()
    return network


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


def build(cls: type, config: dict, dtype: str = "float32"):
    """A network without weights: neither memory nor time goes into numbers that are overwritten at once."""
    import paddle
    from paddlenlp.transformers.model_utils import no_init_weights
    from ppdiffusers import ModelMixin

    default = paddle.get_default_dtype()
    paddle.set_default_dtype(dtype)
    try:
        with no_init_weights(), paddle.LazyGuard():
            return cls.from_config(config) if issubclass(cls, ModelMixin) else cls(cls.config_class.from_dict(config))
    finally:
        paddle.set_default_dtype(default)


def _check_dtype(dtype: str) -> None:
    if dtype not in DTYPES:
        raise InputError(f"dtype {dtype!r} is unknown; valid are {', '.join(DTYPES)}")
