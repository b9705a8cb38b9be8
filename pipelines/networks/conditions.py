"""What networks of Stable Diffusion XL are told beside a text's tokens (arXiv 2307.01952, section 2.2): the text as a
whole, and the sizes of the frames."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import paddle

from .patches import given


class Conditions(NamedTuple):
    """The texts as a whole, ``[branches, channels]``, and the pixels along a side of a latent cell."""

    whole: paddle.Tensor
    scale: int

    def embedded(self, network, height: int, width: int) -> paddle.Tensor:
        """``[branches, channels]``, as the first layer of the network takes them; sizes in latent cells.

        Frames are told to be whole pictures: as large before they were cropped as they are, and cropped nowhere.
        """
        size = [float(height * self.scale), float(width * self.scale)]
        sizes = network.add_time_proj(paddle.to_tensor([*size, 0.0, 0.0, *size])).reshape([1, -1])
        return paddle.concat([self.whole.astype("float32"), sizes.expand([self.whole.shape[0], -1])], axis=1)


def takes_conditions(network) -> bool:
    """Whether a network is one of Stable Diffusion XL."""
    return getattr(network.config, "addition_embed_type", None) == "text_time"


def condition_channels(network) -> int:
    """Channels of what the network makes of the conditions, which is added to the timestep's embedding."""
    return network.add_embedding.linear_2.weight.shape[-1]


@contextmanager
def conditioned(network, made: paddle.Tensor | None) -> Iterator[dict[str, Any]]:
    """Makes a network take what it made of the conditions before; None for one that takes none.

    Yields keywords for its call, whose numbers have no effect.
    """
    if made is None:
        yield {}
        return
    anything = paddle.zeros([1, 1])
    with given(network.add_time_proj, anything), given(network.add_embedding, made):
        yield {"added_cond_kwargs": {"text_embeds": anything, "time_ids": anything}}
