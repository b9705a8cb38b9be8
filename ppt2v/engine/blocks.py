"""Networks larger than the accelerator's memory: each of their blocks is there only while it computes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import paddle
from paddle import nn

Bring = Callable[[paddle.Tensor], paddle.Tensor]
_HOME = paddle.CPUPlace()


class Block(NamedTuple):
    """A layer whose weights come and go together, and these weights."""

    layer: nn.Layer
    weights: list

    @property
    def size(self) -> int:
        """The number of its weights."""
        return sum(math.prod(weight.shape) for weight in self.weights)


def blocks(network: nn.Layer) -> list[Block]:
    """A network in parts that are called by themselves: down to the blocks of its transformers and its residual blocks.

    Weights that a layer around such parts has of its own are a part that stays as long as that layer computes.
    """
    is_list = isinstance(network, nn.LayerList)  # which is never called itself
    if not is_list and not any(map(_holds_blocks, network.sublayers(include_self=True))):
        return [Block(network, network.parameters())] if network.parameters() else []
    own = network.parameters(include_sublayers=False)
    return [*([Block(network, own)] if own else []), *(part for child in network.children() for part in blocks(child))]


def _holds_blocks(layer: nn.Layer) -> bool:
    """Whether it is a list of layers that are more than one operation with weights."""
    return isinstance(layer, nn.LayerList) and any(_operations(member) > 1 for member in layer)


def _operations(layer: nn.Layer) -> int:
    return sum(bool(each.parameters(include_sublayers=False)) for each in layer.sublayers(include_self=True))


def to_accelerator(weight: paddle.Tensor) -> paddle.Tensor:
    """A copy of a weight in the memory of the device that computes."""
    return weight._copy_to(paddle.framework._current_expected_place(), True)


@contextmanager
def visiting(network: nn.Layer, parts: list[Block], bring: Bring) -> Iterator[None]:
    """Lets the parts of a network come when they are called and go when they have answered; all are gone on leaving.

    Weights of the network itself come at once, since it may be used without being called.
    """
    visits = [_Visit(part.weights, bring) for part in parts]
    hooks = []
    try:
        for part, visit in zip(parts, visits):
            if part.layer is network:
                visit.begin()
                continue
            hooks.append(part.layer.register_forward_pre_hook(lambda *_, visit=visit: visit.begin()))
            hooks.append(part.layer.register_forward_post_hook(lambda *_, visit=visit: visit.end()))
        yield
    finally:
        for hook in hooks:
            hook.remove()
        for visit in visits:
            visit.end()


@contextmanager
def at_home() -> Iterator[None]:
    """Weights that are read meanwhile are kept in the machine's own memory."""
    device = paddle.get_device()
    paddle.set_device("cpu")
    try:
        yield
    finally:
        paddle.set_device(device)


def send_home(network: nn.Layer) -> None:
    """Moves the weights of a network to the machine's own memory, where they are elsewhere."""
    for weight in network.parameters():
        if not weight.place._equals(_HOME):
            _put(weight, weight._copy_to(_HOME, True))


class _Visit:
    """Weights on the accelerator for a time; what they are at home is kept, and not copied back."""

    def __init__(self, weights: list, bring: Bring):
        self._weights, self._bring = weights, bring
        self._at_home: list[paddle.Tensor] = []

    def begin(self) -> None:
        self._at_home = list(map(_alias, self._weights))
        for weight in self._weights:
            _put(weight, self._bring(weight))

    def end(self) -> None:
        for weight, at_home in zip(self._weights, self._at_home):
            _put(weight, at_home)
        self._at_home = []


def _alias(weight: paddle.Tensor) -> paddle.Tensor:
    """Another tensor of the same numbers in the same place, which stays what it is when the weight moves."""
    alias = paddle.empty([0], weight.dtype)
    _put(alias, weight)
    return alias


def _put(weight: paddle.Tensor, numbers: paddle.Tensor) -> None:
    weight.value().get_tensor()._share_data_with(numbers.value().get_tensor())
