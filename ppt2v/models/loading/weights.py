"""Folders to networks: the only file that puts a checkpoint into a network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ppt2v.cache import fingerprint
from ppt2v.environment.devices import DTYPES
from ppt2v.errors import InputError
from ppt2v.models.adapters.lora import Merge
from ppt2v.models.formats import fitting, reading
from ppt2v.models.layouts.diffusers import read_json, weight_files

if TYPE_CHECKING:
    import numpy as np


class NetworkFiles(NamedTuple):
    """Where a network comes from: its configuration, its files, and what is made of them.

    ``mark`` tells apart what ``convert`` makes of the same files.
    """

    config: dict[str, Any]
    files: list[Path]
    convert: Callable[[reading.WeightFile], reading.WeightFile] = lambda loaded: loaded
    mark: str = ""


class Weights:
    """The weights of a network, which are read when they are needed: an engine may have them in a form of its own.

    Args:
        network: what they belong to.
        source: where they are.

    Raises:
        InputError: names and shapes are not exactly those of the network, or a file cannot be read.
    """

    def __init__(self, network, source: NetworkFiles):
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
        return fitting.match(self._network, self._read(), str(self._source.files[0]))

    def load(self) -> None:
        """Puts them into the network, unless they are there."""
        if not self._loaded:
            fitting.put(self._network, self._read(), str(self._source.files[0]), self._merged)
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

    def _read(self) -> reading.WeightFile:
        parts = [reading.read(file) for file in self._source.files]
        tensors = {name: array for part in parts for name, array in part.tensors.items()}
        return self._source.convert(reading.WeightFile(tensors, parts[0].layout))


def load_component(folder: Path, cls: type, dtype: str = "float32", lazy: bool = False):
    """A network of ``cls``, a model class of ppdiffusers or ppdiffusers.transformers, from its config.json and weights.

    The network is in evaluation mode and of type ``dtype`` (one of ``devices.DTYPES``) whatever the type of the file.
    With ``lazy`` it is without weights until ``network.weights.load()`` is called.
    Raises InputError unless names and shapes of the weights are exactly those of the network.
    """
    check_dtype(dtype)
    network = build_network(cls, NetworkFiles(read_json(folder / "config.json"), weight_files(folder)), dtype)
    if not lazy:
        network.weights.load()
    return network


def build_network(cls: type, source: NetworkFiles, dtype: str):
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


def check_dtype(dtype: str) -> None:
    if dtype not in DTYPES:
        raise InputError(f"dtype {dtype!r} is unknown; valid are {', '.join(DTYPES)}")
