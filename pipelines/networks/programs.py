"""What the networks as functions of tensors alone have in common, the form in which an engine can export them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import NamedTuple

import paddle
from paddle.static import InputSpec

from ppt2v.engine.program import Program
from ppt2v.pipelines.methods.merging import Merging
from ppt2v.pipelines.planning.anchors import Anchors

from .attention import (
    BankAttnProcessor,
    CrossFrameAttnProcessor,
    MergedAttnProcessor,
    PreviousAttnProcessor,
    TextAttnProcessor,
    extent,
    processors,
)
from .conditions import condition_channels, conditioned, takes_conditions
from .patches import given

DYNAMIC = None


def attention_layers(network, kind: str) -> list:
    """Those of a kind, ``attn1`` or ``attn2``, in the order in which the network holds them."""
    layers = network.named_sublayers()
    # Those of motion modules attend over the frames, as nothing here changes.
    return [layer for name, layer in layers if name.endswith(kind) and "motion_modules" not in name]


def _pairs(tensors: list) -> list:
    return list(zip(tensors[::2], tensors[1::2]))


def _by_row(texts: list, latents: paddle.Tensor) -> list:
    """The tokens of each row of the latents for themselves: ``[branches * frames, tokens, channels]``."""
    rows = extent(latents, 0)
    return [text.reshape([rows, -1, text.shape[-1]]) for text in texts]


class SelfAttention(NamedTuple):
    """What frames attend to: ``cross_frame`` to the anchors, else to themselves; and the share of their tokens that are
    merged, 0..1, in the layers with the most tokens."""

    cross_frame: bool = True
    merging_ratio: float = 0.0
    anchors: Anchors = Anchors()

    @property
    def settings(self) -> dict:
        """What decides the networks' operations."""
        kind = {} if self.anchors.only_first else {"anchors": "previous" if self.anchors.previous else "bank"}
        return {"cross_frame": self.cross_frame, "merging_ratio": self.merging_ratio, **kind}

    def processor(self, branches: int, merging: Merging | None) -> CrossFrameAttnProcessor:
        """How a layer attends to the anchors."""
        if self.anchors.only_first:
            return CrossFrameAttnProcessor(branches, merging)
        return (PreviousAttnProcessor if self.anchors.previous else BankAttnProcessor)(branches, merging)

    def merging(self, config, height: int, width: int) -> Merging | None:
        """The merging for latents of a size; None where no tokens are merged."""
        if not self.merging_ratio:
            return None
        kinds = config.down_block_types
        halved = next((level for level, kind in enumerate(kinds) if "CrossAttn" in kind), len(kinds) - 1)
        return Merging(self.merging_ratio, -(-height // 2**halved), -(-width // 2**halved))


class CrossFrameProgram(Program):
    """A network in which frames attend to the anchor frame, or to themselves, as ``attention`` says.

    Inputs: latents ``[branches * frames, channels, height, width]``; the sinusoidal embedding of the timestep
    ``[1, channels]``; for a network that takes conditions, what ``TextLookup`` makes of them, ``[branches * frames,
    channels]``; keys and values of the text, then those of the anchor frame (or of all of a bank), layer by layer, each
    ``[branches, tokens, channels]``, and where frames attend to the one before also those of the frame before the
    first; then what the kind of network needs. Those of the text may have a row for each frame of each branch; with
    ``texts_of_frames`` a branch's row holds the tokens of its frames one after the other, ``[branches, frames * tokens,
    channels]``, for a network that tells the branches by it. Without tokens the anchor's mean that the first frame of
    this call is the anchor. Outputs: what the kind of network makes, then what the processors keep, in the order of the
    inputs.
    """

    quantizable = True

    def __init__(
        self,
        network,
        height: int,
        width: int,
        attention: SelfAttention = SelfAttention(),
        texts_of_frames: bool = False,
    ):
        super().__init__(network)
        self.height, self.width, self.attention, self.texts_of_frames = height, width, attention, texts_of_frames
        self.conditioned = takes_conditions(network)
        self.to_text, to_frames = self._layers("attn2"), self._layers("attn1")
        self.to_anchor, self.to_itself = (to_frames, []) if attention.cross_frame else ([], to_frames)
        self._texts = list(map(attention_layers(network, "attn2").index, self.to_text))
        self.merging = attention.merging(network.config, height, width)
        self.settings = attention.settings | ({"texts_of_frames": True} if texts_of_frames else {})

    @abstractmethod
    def compute(
        self, latents: paddle.Tensor, timestep: paddle.Tensor, text: paddle.Tensor | None, own: list, **told
    ) -> list:
        """What the network makes; all but ``latents`` and ``own`` is for the sake of its signature, without effect."""

    @abstractmethod
    def own_inputs(self) -> list[InputSpec]:
        """The inputs after those that all kinds have."""

    def texts(self, looked_up: list) -> list:
        """Of all that ``TextLookup`` finds for the network, what this program needs."""
        pairs = _pairs(looked_up)
        return [tensor for number in self._texts for tensor in pairs[number]]

    def _layers(self, kind: str) -> list:
        """The attention layers of a kind that are computed."""
        return attention_layers(self.network, kind)

    def forward(self, inputs: list) -> list:
        latents, time, rest = inputs[0], inputs[1], inputs[2:]
        made, rest = (rest[0], rest[1:]) if self.conditioned else (None, rest)
        texts, rest = rest[: 2 * len(self.to_text)], rest[2 * len(self.to_text) :]
        remembered, own = _pairs(rest[: self.remembered]), rest[self.remembered :]
        branches = remembered[0][0].shape[0] if remembered else 0
        anchors = [self.attention.processor(branches, self.merging) for _ in self.to_anchor]
        for number, processor in enumerate(anchors):
            processor.recall(remembered[number :: len(anchors)])
        by_row = _by_row(texts, latents) if self.texts_of_frames else texts
        layers, replacements = self.to_text + self.to_anchor, [*map(TextAttnProcessor, _pairs(by_row)), *anchors]
        if self.merging:
            layers, replacements = layers + self.to_itself, [*replacements, *self._merged()]
        network, text = self.network, texts[0] if texts else None
        with processors(layers, replacements), given(network.time_proj, time), conditioned(network, made) as told:
            outputs = self.compute(latents, time[0, 0], text, own, **told)
        kept = zip(*(processor.kept for processor in anchors))
        return [*outputs, *(tensor for pairs in kept for pair in pairs for tensor in pair)]

    @property
    def remembered(self) -> int:
        """How many inputs, and outputs, hold what frames attend to in other frames."""
        return len(self._anchor_specs())

    def _merged(self) -> list[MergedAttnProcessor]:
        return [MergedAttnProcessor(self.merging) for _ in self.to_itself]

    def inputs(self) -> list[InputSpec]:
        config = self.network.config
        latents = InputSpec([DYNAMIC, config.in_channels, self.height, self.width], "float32", "latents")
        time = InputSpec([1, config.block_out_channels[0]], "float32", "time")
        pairs = [*self._pair_specs(self.to_text, "text"), *self._anchor_specs()]
        return [latents, time, *self._condition_specs(), *pairs, *self.own_inputs()]

    def _condition_specs(self) -> list[InputSpec]:
        if not self.conditioned:
            return []
        return [InputSpec([DYNAMIC, condition_channels(self.network)], "float32", "conditions")]

    def no_anchor(self, branches: int) -> list[paddle.Tensor]:
        """The inputs that make the first frame of a call the anchor."""
        return [paddle.zeros([branches, 0, spec.shape[-1]]) for spec in self._anchor_specs()]

    def _anchor_specs(self) -> list[InputSpec]:
        names = ("anchor", "previous") if self.attention.anchors.previous else ("anchor",)
        return [spec for name in names for spec in self._pair_specs(self.to_anchor, name)]

    @staticmethod
    def _pair_specs(layers: list, name: str) -> Iterator[InputSpec]:
        for number, layer in enumerate(layers):
            for kind, projection in (("key", layer.to_k), ("value", layer.to_v)):
                channels = projection.weight.shape[-1]
                yield InputSpec([DYNAMIC, DYNAMIC, channels], "float32", f"{name}_{kind}_{number}")
