"""The networks as functions of tensors alone, the form in which an engine can export them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import NamedTuple

import paddle
from paddle.static import InputSpec

from ppt2v.engine.blocks import Block, blocks
from ppt2v.engine.program import Program
from ppt2v.pipelines.methods.freeu import FreeU
from ppt2v.pipelines.methods.merging import Merging
from ppt2v.pipelines.planning.anchors import Anchors

from .attention import (
    BankAttnProcessor,
    CrossFrameAttnProcessor,
    MergedAttnProcessor,
    PerturbedAttnProcessor,
    PreviousAttnProcessor,
    TextAttnProcessor,
    extent,
    keys_and_values,
    processors,
)
from .conditions import condition_channels, conditioned, takes_conditions
from .motion_unet import image_unet
from .patches import given, noted, strengthened, without_deeper_levels

DYNAMIC = None


def _attention(network, kind: str) -> list:
    layers = network.named_sublayers()
    # Those of motion modules attend over the frames, as nothing here changes.
    return [layer for name, layer in layers if name.endswith(kind) and "motion_modules" not in name]


def _pairs(tensors: list) -> list:
    return list(zip(tensors[::2], tensors[1::2]))


def _by_row(texts: list, latents: paddle.Tensor) -> list:
    """The tokens of each row of the latents for themselves: ``[branches * frames, tokens, channels]``."""
    rows = extent(latents, 0)
    return [text.reshape([rows, -1, text.shape[-1]]) for text in texts]


class TextEncoder(Program):
    """Token numbers ``[1, tokens]`` -> ``[1, tokens, channels]``.

    ``clip_skip``: the layer whose numbers are taken, counted from the end: 1 the last one. The norm that follows the
    last layer follows the others too.
    """

    def __init__(self, network, clip_skip: int = 1):
        super().__init__(network)
        self.clip_skip = clip_skip
        if clip_skip > 1:
            self.settings["clip_skip"] = clip_skip

    def forward(self, inputs: list) -> list:
        if self.clip_skip == 1:
            return [self.network(inputs[0])[0]]
        layers = self.network(inputs[0], output_hidden_states=True, return_dict=True).hidden_states
        return [self.network.text_model.final_layer_norm(layers[-self.clip_skip])]

    def inputs(self) -> list[InputSpec]:
        tokens = self.network.config.max_position_embeddings
        return [InputSpec([1, tokens], "int64", "tokens")]


class TextLookup(Program):
    """The encoded text ``[branches, tokens, channels]`` -> keys and values for each attention layer of a network.

    A network that takes conditions makes of them, ``[branches, channels]``, a last output of that form. ``owner`` tells
    the networks of a run apart.
    """

    def __init__(self, network, owner: str = "UNet"):
        super().__init__(network)
        self.place = f"{type(self).__name__} {owner}"

    def forward(self, inputs: list) -> list:
        layers = _attention(self.network, "attn2")
        found = [tensor for layer in layers for tensor in keys_and_values(layer, inputs[0])]
        return [*found, *(self.network.add_embedding(conditions) for conditions in inputs[1:])]

    def blocks(self) -> list[Block]:
        called = [part for layer in _attention(self.network, "attn2") for part in (layer.to_k, layer.to_v)]
        if takes_conditions(self.network):
            called.append(self.network.add_embedding)
        return [part for layer in called for part in blocks(layer)]

    def inputs(self) -> list[InputSpec]:
        config = self.network.config
        text = InputSpec([DYNAMIC, DYNAMIC, config.cross_attention_dim], "float32", "text")
        if not takes_conditions(self.network):
            return [text]
        channels = config.projection_class_embeddings_input_dim
        return [text, InputSpec([DYNAMIC, channels], "float32", "conditions")]


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


class _CrossFrame(Program):
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
        self._texts = list(map(_attention(network, "attn2").index, self.to_text))
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
        return _attention(self.network, kind)

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


class NoisePrediction(_CrossFrame):
    """The UNet: makes the predicted noise. With ``residuals`` those of ControlNets, summed, are its own inputs.

    With ``deep_features`` it also makes those that ``OutermostLevel`` takes. ``freeu`` changes its features. With
    ``perturbed`` its last own input says which rows go without self-attention in the middle, ``[rows, 1, 1]``.
    """

    def __init__(
        self,
        network,
        height: int,
        width: int,
        attention: SelfAttention = SelfAttention(),
        residuals: bool = False,
        deep_features: bool = False,
        freeu: FreeU = FreeU(),
        perturbed: bool = False,
        texts_of_frames: bool = False,
    ):
        super().__init__(network, height, width, attention, texts_of_frames)
        self.residuals, self.deep_features, self.freeu, self.perturbed = residuals, deep_features, freeu, perturbed
        chosen = {"deep_features": deep_features, "perturbed": perturbed, "freeu": freeu != FreeU() and list(freeu)}
        self.settings |= {name: value for name, value in chosen.items() if value}

    def outermost_level(self) -> OutermostLevel:
        """The program for the steps between."""
        attended = self.attention, self.texts_of_frames
        return OutermostLevel(self.network, self.height, self.width, *attended, self.residuals, self.freeu)

    def compute(self, latents, timestep, text, own, **told) -> list:
        own, rows = (own[:-1], own[-1]) if self.perturbed else (own, None)
        if self.residuals:
            told |= {"down_block_additional_residuals": own[:-1], "mid_block_additional_residual": own[-1]}
        with (
            strengthened(image_unet(self.network), self.freeu),
            noted([self.network.up_blocks[-2]] if self.deep_features else []) as deep,
            self._perturbing(rows),
        ):
            predicted = self.network(latents, timestep, encoder_hidden_states=text, **told).sample
        return [predicted, *deep]

    def _perturbing(self, rows: paddle.Tensor | None) -> AbstractContextManager:
        layers = [] if rows is None else _attention(image_unet(self.network).mid_block, "attn1")
        return processors(layers, [PerturbedAttnProcessor(layer.processor, rows) for layer in layers])

    def own_inputs(self) -> list[InputSpec]:
        rows = [InputSpec([DYNAMIC, 1, 1], "float32", "perturbed")] if self.perturbed else []
        return [*(self._residual_specs() if self.residuals else []), *rows]

    def _residual_specs(self) -> list[InputSpec]:
        """One for what each layer on the way down leaves for the way up, then one for the middle."""
        config, height, width = self.network.config, self.height, self.width
        widths = config.block_out_channels
        shapes = [(widths[0], height, width)]
        for level, channels in enumerate(widths):
            shapes += [(channels, height, width)] * config.layers_per_block
            if level + 1 < len(widths):
                height, width = -(-height // 2), -(-width // 2)
                shapes.append((channels, height, width))
        shapes.append((widths[-1], height, width))
        return [InputSpec([DYNAMIC, *shape], "float32", f"residual_{number}") for number, shape in enumerate(shapes)]


class OutermostLevel(_CrossFrame):
    """The UNet's level of the highest resolution: makes the predicted noise (DeepCache, arXiv 2312.00858, section 3.2).

    Its own inputs: in place of the deeper levels what they made at an earlier step, ``[branches * frames, channels,
    height, width]``; with ``residuals`` those of ControlNets for this level.
    """

    def __init__(
        self,
        network,
        height: int,
        width: int,
        attention: SelfAttention,
        texts_of_frames: bool,
        residuals: bool,
        freeu: FreeU,
    ):
        super().__init__(network, height, width, attention, texts_of_frames)
        self.residuals, self.freeu = residuals, freeu
        if freeu != FreeU():
            self.settings["freeu"] = list(freeu)

    def compute(self, latents, timestep, text, own, **told) -> list:
        unet, deep = image_unet(self.network), own[0].astype(self.network.dtype)
        if self.residuals:  # that of the middle is in the deep features
            told |= {"down_block_additional_residuals": own[1:], "mid_block_additional_residual": 0.0}
        with strengthened(unet, self.freeu), without_deeper_levels(unet), given(self.network.mid_block, deep):
            return [self.network(latents, timestep, encoder_hidden_states=text, **told).sample]

    def own_inputs(self) -> list[InputSpec]:
        config, size = self.network.config, [self.height, self.width]
        deep = InputSpec([DYNAMIC, config.block_out_channels[1], *size], "float32", "deep")
        count = config.layers_per_block + 1 if self.residuals else 0
        shape = [DYNAMIC, config.block_out_channels[0], *size]
        return [deep, *(InputSpec(shape, "float32", f"residual_{number}") for number in range(count))]

    def _layers(self, kind: str) -> list:
        return [*_attention(self.network.down_blocks[0], kind), *_attention(self.network.up_blocks[-1], kind)]


class ControlResiduals(_CrossFrame):
    """A ControlNet (arXiv 2302.05543): makes what is added to the UNet's layers on the way down and in the middle.

    Its own inputs: the embedded control maps ``[branches * frames, channels, height, width]``, and the strength for
    each layer ``[branches * frames, layers]``. ``number`` tells several ControlNets of a run apart.
    """

    def __init__(self, network, height: int, width: int, attention: SelfAttention, number: int = 0):
        super().__init__(network, height, width, attention)
        self.place = f"{type(self).__name__} {number}"
        levels = len(network.config.block_out_channels)
        self.predictions = levels * (network.config.layers_per_block + 1) + 1

    def compute(self, latents, timestep, text, own, **told) -> list:
        embedded, strengths = own
        with given(self.network.controlnet_cond_embedding, embedded):
            down, middle = self.network(latents, timestep, text, embedded, return_dict=False, **told)
        by_layer = strengths.reshape([0, 0, 1, 1]).split(self.predictions, axis=1)
        return [residual * strength for residual, strength in zip((*down, middle), by_layer)]

    def own_inputs(self) -> list[InputSpec]:
        channels = self.network.config.block_out_channels[0]
        embedded = InputSpec([DYNAMIC, channels, self.height, self.width], "float32", "control")
        return [embedded, InputSpec([DYNAMIC, self.predictions], "float32", "strengths")]


class ControlEmbedding(Program):
    """Control maps in 0..1, ``[frames, 3, ...]`` -> ``[frames, channels, height, width]``, as ``ControlResiduals``."""

    def __init__(self, network, height: int, width: int, number: int = 0):
        super().__init__(network)
        self.height, self.width = height, width
        self.place = f"{type(self).__name__} {number}"

    def forward(self, inputs: list) -> list:
        order = self.network.config.controlnet_conditioning_channel_order
        return [self.network.controlnet_cond_embedding(inputs[0].flip([1]) if order == "bgr" else inputs[0])]

    def inputs(self) -> list[InputSpec]:
        config = self.network.config
        scale = 2 ** (len(config.conditioning_embedding_out_channels) - 1)
        size = [config.conditioning_channels, self.height * scale, self.width * scale]
        return [InputSpec([DYNAMIC, *size], "float32", "maps")]
