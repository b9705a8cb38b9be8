"""From files to networks that read their weights when they are needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ppt2v.cache import fingerprint
from ppt2v.environment.devices import DTYPES, INT8
from ppt2v.errors import InputError
from ppt2v.models.adapters.merging import Merge
from ppt2v.models.formats import fitting, reading
from ppt2v.models.layouts import single_file
from ppt2v.models.layouts.diffusers import weight_files
from ppt2v.models.layouts.network_configs import read_config

if TYPE_CHECKING:
    import numpy as np


_SPARE = 4  # times the weights of a file, that a network may have before it is clear that they do not fit


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
        """Adds adapters to what is read from now on; before anything else is asked of these weights."""
        self._merges.append(merge)

    @property
    def model(self) -> Path:
        """The folder of the whole model, or its single file."""
        file = self._source.files[0]
        folders = file.parent.parent, file.parent
        marks = "model_index.json", "config.json"
        return next((folder for folder, mark in zip(folders, marks) if (folder / mark).exists()), file)

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


class JoinedWeights:
    """The weights of a network that was joined of others, each with ``Weights`` of its own.

    Args:
        parts: the one that gives the model its name in front.
    """

    def __init__(self, parts: Sequence[Weights]):
        self._parts = parts

    @property
    def model(self) -> Path:
        """That of the first part."""
        return self._parts[0].model

    @property
    def fingerprint(self) -> str:
        """Differs for different weights."""
        return " ".join(part.fingerprint for part in self._parts)

    def load(self) -> None:
        """Puts them into the parts, unless they are there."""
        for part in self._parts:
            part.load()

    def release(self) -> None:
        """Frees their memory."""
        for part in self._parts:
            part.release()


def network_files(
    place: Path,
    read_single: Callable[[reading.WeightFile, str], single_file.Network],
    kind: str | None = None,
    needs: Sequence[str] = (),
) -> NetworkFiles:
    """A network's configuration and weights, in a folder in the layout of diffusers or in a single file.

    Args:
        place: folder or file.
        read_single: finds the network in what a file holds; the second argument is the file's name, for errors.
        kind, needs: what a folder must tell, as for ``read_config``.

    Raises:
        InputError: there is no such network, or its configuration cannot be used.
    """
    if place.is_file():

        def convert(loaded: reading.WeightFile) -> reading.WeightFile:
            return reading.WeightFile(read_single(loaded, str(place)).tensors, reading.PYTORCH)

        return NetworkFiles(read_single(reading.read(place), str(place)).config, [place], convert)
    return NetworkFiles(read_config(place / "config.json", kind, needs), weight_files(place))


def load_component(folder: Path, cls: type, dtype: str = "float32", lazy: bool = False):
    """A network of ``cls``, a model class of ppdiffusers or ppdiffusers.transformers, from its config.json and weights.

    The network is in evaluation mode and of type ``dtype`` (one of ``devices.DTYPES`` but int8) whatever the type of
    the file. With ``lazy`` it is without weights until ``network.weights.load()`` is called.
    Raises InputError unless names and shapes of the weights are exactly those of the network.
    """
    check_dtype(dtype)
    network = build_network(cls, NetworkFiles(read_config(folder / "config.json"), weight_files(folder)), dtype)
    if not lazy:
        network.weights.load()
    return network


def build_network(cls: type, source: NetworkFiles, dtype: str):
    """A network in evaluation mode that has not read its weights.

    Raises:
        InputError: the configuration is of no such network, or asks for more weights than the files hold.
    """
    count = sum(len(reading.read(file).tensors) for file in source.files)
    network = build(cls, source.config, dtype, str(source.files[0]), _SPARE * count)
    network.eval()
    network.weights = Weights(network, source)
    return network


def build(cls: Any, config: dict, dtype: str = "float32", source: str = "the network", most: int | None = None):
    """A network without weights: neither memory nor time goes into numbers that are overwritten at once.

    Args:
        cls: as for ``load_component``.
        config: the content of its config.json.
        dtype: as for ``load_component``.
        source: what the configuration belongs to, for errors.
        most: weights that it may have; None: any number.

    Raises:
        InputError: the configuration is of no such network, or asks for more weights.
    """
    import paddle
    from paddlenlp.transformers.model_utils import no_init_weights
    from ppdiffusers import ModelMixin

    default = paddle.get_default_dtype()
    paddle.set_default_dtype(dtype)
    try:
        with no_init_weights(), _zeroing_nothing(), _at_most(most), paddle.LazyGuard():
            return cls.from_config(config) if issubclass(cls, ModelMixin) else cls(cls.config_class.from_dict(config))
    except Exception as error:  # whatever a class raises for values that it was not made for
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise InputError(
            "E-CONFIG-UNUSABLE",
            "the configuration (config.json) of {source} cannot be used: {reason}",
            source=source,
            reason=reason,
        ) from error
    finally:
        paddle.set_default_dtype(default)


@contextmanager
def _at_most(most: int | None) -> Iterator[None]:
    """Ends the building of a network that would have more weights than ``most``, before memory or time is spent."""
    from paddle import nn

    original, made = nn.Layer.create_parameter, count()

    def create_parameter(layer, *args, **kwargs):
        if most is not None and next(made) >= most:
            raise ValueError("it asks for more weights than the file holds")
        return original(layer, *args, **kwargs)

    nn.Layer.create_parameter = create_parameter
    try:
        yield
    finally:
        nn.Layer.create_parameter = original


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
    kept = [name for name in DTYPES if name != INT8]
    if dtype not in kept:
        raise InputError("E-WEIGHTS-DTYPE", "dtype {dtype!r} is unknown; valid are {dtypes}", dtype=dtype, dtypes=kept)
