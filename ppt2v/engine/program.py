"""What an engine runs: a network as a function of tensors alone."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from typing import Any

from .blocks import Block, blocks


class Program(ABC):
    """A network, or a part of one, as a function from a list of tensors to a list of tensors.

    Args:
        network: holds the weights. A program may change it during a call only.

    Attributes:
        settings: of plain types, all beside the network and the inputs that decides what it computes.
        place: an engine keeps one program ready for each; a kind of which several are used in turn has several.
        quantizable: whether the precision int8 is for it: nearly all of a run's time goes into it.
        predictions: how many of its outputs, from the first on, tell how exact it is.
    """

    quantizable = False
    predictions = 1

    def __init__(self, network):
        self.network = network
        self.settings: dict[str, Any] = {}
        self.place = type(self).__name__

    @abstractmethod
    def forward(self, inputs: list) -> list:
        """The outputs, in the network's precision."""

    @abstractmethod
    def inputs(self) -> list:
        """An ``InputSpec`` with a name for every input; None stands for sizes that change from call to call."""

    def blocks(self) -> list[Block]:
        """The network, or what is used of it, in parts that are called by themselves."""
        return blocks(self.network)

    @property
    def precision(self) -> str:
        """That of the network's weights, by name."""
        return str(self.network.dtype).rsplit(".", 1)[-1]

    def identity(self) -> dict[str, Any]:
        """All that decides what the program computes, of plain types: two programs that share it are the same."""
        return {
            "program": type(self).__name__,
            "settings": self.settings,
            "inputs": [[spec.name, list(spec.shape), str(spec.dtype)] for spec in self.inputs()],
            **self.network_identity(),
        }

    def network_identity(self) -> dict[str, Any]:
        """The same of the network alone, which programs of all sizes share."""
        config = self.network.config
        settings = dict(config if hasattr(config, "items") else config.to_dict()).items()
        return {
            "network": type(self.network).__name__,
            "precision": self.precision,
            # Names with an underscore are notes of the libraries, some in an order that changes from run to run.
            "config": str(sorted(item for item in settings if not item[0].startswith("_"))),
            "weights": self._fingerprint(),
        }

    @property
    def model(self) -> str:
        """The folder or file of the model that the network belongs to; "" where it comes from none."""
        return str(self.network.weights.model) if hasattr(self.network, "weights") else ""

    def _fingerprint(self) -> str:
        if hasattr(self.network, "weights"):
            return self.network.weights.fingerprint
        digest = hashlib.sha256()
        for parameter in self.network.parameters():
            digest.update(parameter.numpy().tobytes())
        return digest.hexdigest()

    def load(self) -> None:
        """Reads the network's weights, where that has been put off (``ppt2v.models.loading.weights``)."""
        if hasattr(self.network, "weights"):
            self.network.weights.load()

    def release(self) -> None:
        """Frees the network's weights, where they can be read again."""
        if hasattr(self.network, "weights"):
            self.network.weights.release()
