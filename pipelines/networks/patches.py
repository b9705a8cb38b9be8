"""What programs change about a network while they run it; each change is undone on leaving."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial

import paddle
from paddle import nn

from ppt2v.pipelines.methods.freeu import FreeU, changed


@contextmanager
def given(layer: nn.Layer, output: paddle.Tensor) -> Iterator[None]:
    """Makes a layer return ``output`` whatever it is called with."""
    layer.forward = lambda *_, **__: output
    try:
        yield
    finally:
        del layer.forward


@contextmanager
def noted(layers: Iterable[nn.Layer]) -> Iterator[list]:
    """A list to which is added what the layers return, in the order in which they are called."""
    outputs = []
    hooks = [layer.register_forward_post_hook(lambda _, __, output: outputs.append(output)) for layer in layers]
    try:
        yield outputs
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def followed(pairs: Iterable[tuple[nn.Layer, Callable[[paddle.Tensor], paddle.Tensor]]]) -> Iterator[None]:
    """Makes what each layer returns go through what follows it; of a tuple its first member."""
    hooks = [layer.register_forward_post_hook(partial(_passed_on, follower)) for layer, follower in pairs]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _passed_on(follower: Callable[[paddle.Tensor], paddle.Tensor], _, __, output):
    return (follower(output[0]), *output[1:]) if isinstance(output, tuple) else follower(output)


@contextmanager
def strengthened(network, freeu: FreeU) -> Iterator[None]:
    """Makes the first two levels of a UNet's way up take their features with other strengths."""
    hooks = [
        layer.register_forward_pre_hook(partial(_changed, backbone=backbone, factors=factors))
        for backbone, layer, factors in _ways_up(network, freeu)
        if factors != (1, 1)
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _ways_up(network, freeu: FreeU) -> Iterator[tuple[int, nn.Layer, tuple[float, float]]]:
    """The layers of these levels, each with the channels that it takes from the layer before it, and its factors."""
    channels = network.mid_block.resnets[-1].out_channels
    for block, factors in zip(network.up_blocks, freeu.levels):
        for layer in block.resnets:
            yield channels, layer, factors
            channels = layer.out_channels


def _changed(_, inputs: tuple, backbone: int, factors: tuple[float, float]) -> tuple:
    return (changed(inputs[0], backbone, *factors), *inputs[1:])


@contextmanager
def without_deeper_levels(network) -> Iterator[None]:
    """Leaves a UNet its outermost level and the middle."""
    down, up = network.down_blocks, network.up_blocks
    downsamplers = down[0].downsamplers
    network.down_blocks, network.up_blocks = nn.LayerList([down[0]]), nn.LayerList([up[-1]])
    down[0].downsamplers = None
    try:
        yield
    finally:
        down[0].downsamplers = downsamplers
        network.down_blocks, network.up_blocks = down, up
