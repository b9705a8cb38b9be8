"""Folders to networks: the only file that puts a checkpoint into a network."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from . import checkpoint, single_file
from .adapters import Adapters
from .devices import DTYPES
from .engine.cache import fingerprint
from .errors import InputError
from .inversion import add_tokens, with_rows
from .lora import Merge
from .model_files import read_json, weight_files
from .vocabulary import load_tokenizer, locate

if TYPE_CHECKING:
    import numpy as np
    from ppdiffusers import StableDiffusionPipeline


def model_defaults(folder: Path) -> dict:
    """The defaults that a model brings along in its optional ppt2v.json; {} without one."""
    file = folder / "ppt2v.json"
    return read_json(file) if file.exists() else {}


def frame_configs(model: Path) -> tuple[dict, dict]:
    """The configurations of a model's UNet and VAE, which decide the sizes of its frames."""
    return _config(model, "unet"), _config(model, "vae")


def load_stable_diffusion(model: Path, dtype: str = "float32", lazy: bool = False, adapters: Adapters = Adapters(),
                          tokenizer: str | None = None) -> StableDiffusionPipeline:
    """Stable Diffusion with a DDIM scheduler and without safety checker; dtype and lazy as for ``load_component``.

    Args:
        model: a folder in the layout of diffusers, or a single file (``single_file``).
        adapters: what changes it, in memory alone.
        tokenizer: as for ``vocabulary.locate``.

    Raises:
        InputError: no such model, weights or adapters that do not fit exactly, a tokenizer of other words.
    """
    if model.is_dir() and not (model / "model_index.json").exists():
        raise InputError(f"{model} is a single network and no Stable Diffusion model: it has no model_index.json")
    _check_dtype(dtype)
    from ppdiffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from ppdiffusers.transformers import CLIPTextModel

    words, text_source = _with_words(_source(model, "text_encoder"), locate(tokenizer, model), adapters)
    networks = {
        "vae": _network(AutoencoderKL, _source(model, "vae"), dtype),
        "text_encoder": _network(CLIPTextModel, text_source, dtype),
        "unet": _network(UNet2DConditionModel, _source(model, "unet"), dtype),
    }
    for lora in adapters.loras:
        for part, merge in lora.fit({name: networks[name] for name in ("unet", "text_encoder")}).items():
            networks[part].weights.merge(merge)
    if not lazy:
        for network in networks.values():
            network.weights.load()
    return StableDiffusionPipeline(
        **networks, tokenizer=words, scheduler=DDIMScheduler.from_config(_config(model, "scheduler")),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )


class Source(NamedTuple):
    """Where a network comes from: its configuration, its files, and what is made of them.

    ``mark`` tells apart what ``convert`` makes of the same files.
    """

    config: dict[str, Any]
    files: list[Path]
    convert: Callable[[checkpoint.Checkpoint], checkpoint.Checkpoint] = lambda loaded: loaded
    mark: str = ""


def _config(model: Path, part: str) -> dict:
    if model.is_dir():
        return read_json(model / part / ("scheduler_config.json" if part == "scheduler" else "config.json"))
    return single_file.SCHEDULER if part == "scheduler" else single_file.config(model, part)


def _source(model: Path, part: str) -> Source:
    if model.is_dir():
        return Source(_config(model, part), weight_files(model / part))
    config = _config(model, part)
    return Source(config, [model], lambda loaded: single_file.convert(loaded, config, part))


def _with_words(source: Source, folder: Path, adapters: Adapters) -> tuple[Any, Source]:
    """The tokenizer of a folder and the text encoder that goes with it, both with the words of textual inversions."""
    tokenizer, vocabulary = load_tokenizer(folder), source.config["vocab_size"]
    if len(tokenizer) > vocabulary:
        raise InputError(f"the tokenizer in {folder} has {len(tokenizer)} words, {source.files[0]} has {vocabulary}; "
                         "give the tokenizer that belongs to the model")
    if not adapters.inversions:
        return tokenizer, source
    rows = add_tokens(tokenizer, adapters.inversions, source.config["hidden_size"])
    vocabulary = max(vocabulary, *(row + 1 for row in rows))
    mark = " ".join(inversion.mark for inversion in adapters.inversions)
    return tokenizer, Source({**source.config, "vocab_size": vocabulary}, source.files,
                             lambda loaded: with_rows(source.convert(loaded), rows, vocabulary), mark)


class Weights:
    """The weights of a network, which are read when they are needed: an engine may have them in a form of its own.

    Args:
        network: what they belong to.
        source: where they are.

    Raises:
        InputError: names and shapes are not exactly those of the network, or a file cannot be read.
    """

    def __init__(self, network, source: Source):
        self._network, self._source, self._loaded = network, source, False
        self._merges: list[Merge] = []
        self.tensors()

    def merge(self, merge: Merge) -> None:
        """Adds a LoRA to what is read from now on; before anything else is asked of these weights."""
        self._merges.append(merge)

    @cached_property
    def fingerprint(self) -> str:
        """Differs for different weights."""
        files = [fingerprint(file) for file in self._source.files]
        return " ".join([*files, *filter(None, [self._source.mark]), *(merge.fingerprint for merge in self._merges)])

    def tensors(self) -> dict[str, np.ndarray]:
        """What the files hold, by the names of the network and in its layout: views of the files where possible."""
        return checkpoint.match(self._network, self._read(), str(self._source.files[0]))

    def load(self) -> None:
        """Puts them into the network, unless they are there."""
        if not self._loaded:
            checkpoint.put(self._network, self._read(), str(self._source.files[0]), self._merged)
            self._loaded = True

    def release(self) -> None:
        """Frees their memory."""
        for parameter in self._network.parameters():
            parameter._clear_data()
        self._loaded = False

    def _merged(self, name: str, weight: np.ndarray) -> np.ndarray:
        for merge in self._merges:
            weight = merge(name, weight)
        return weight

    def _read(self) -> checkpoint.Checkpoint:
        parts = [checkpoint.read(file) for file in self._source.files]
        tensors = {name: array for part in parts for name, array in part.tensors.items()}
        return self._source.convert(checkpoint.Checkpoint(tensors, parts[0].layout))


def load_component(folder: Path, cls: type, dtype: str = "float32", lazy: bool = False):
    """A network of ``cls``, a model class of ppdiffusers or ppdiffusers.transformers, from its config.json and weights.

    The network is in evaluation mode and of type ``dtype`` (one of ``devices.DTYPES``) whatever the type of the file.
    With ``lazy`` it is without weights until ``network.weights.load()`` is called.
    Raises InputError unless names and shapes of the weights are exactly those of the network.
    """
    _check_dtype(dtype)
    network = _network(cls, Source(read_json(folder / "config.json"), weight_files(folder)), dtype)
    if not lazy:
        network.weights.load()
    return network


def _network(cls: type, source: Source, dtype: str):
    """A network in evaluation mode that has not read its weights."""
    network = build(cls, source.config, dtype)
    network.eval()
    network.weights = Weights(network, source)
    return network


def build(cls: type, config: dict, dtype: str = "float32"):
    """A network without weights: neither memory nor time goes into numbers that are overwritten at once."""
    import paddle
    from paddlenlp.transformers.model_utils import no_init_weights
    from ppdiffusers import ModelMixin

    default = paddle.get_default_dtype()
    paddle.set_default_dtype(dtype)
    try:
        with no_init_weights(), _zeroing_nothing(), paddle.LazyGuard():
            return cls.from_config(config) if issubclass(cls, ModelMixin) else cls(cls.config_class.from_dict(config))
    finally:
        paddle.set_default_dtype(default)


@contextmanager
def _zeroing_nothing() -> Iterator[None]:
    """ControlNetModel fills layers with zeros, which parameters without memory cannot take; undone on leaving."""
    from ppdiffusers.models import controlnet

    original = controlnet.zero_module
    controlnet.zero_module = lambda layer: layer
    try:
        yield
    finally:
        controlnet.zero_module = original


def _check_dtype(dtype: str) -> None:
    if dtype not in DTYPES:
        raise InputError(f"dtype {dtype!r} is unknown; valid are {', '.join(DTYPES)}")
