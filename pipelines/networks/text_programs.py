"""Texts as functions of tensors alone: their encoder, and what a network's layers look up in them."""

from __future__ import annotations

from paddle.static import InputSpec

from ppt2v.engine.blocks import Block, blocks
from ppt2v.engine.program import Program

from .attention import keys_and_values
from .conditions import takes_conditions
from .programs import DYNAMIC, attention_layers


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
        layers = attention_layers(self.network, "attn2")
        found = [tensor for layer in layers for tensor in keys_and_values(layer, inputs[0])]
        return [*found, *(self.network.add_embedding(conditions) for conditions in inputs[1:])]

    def blocks(self) -> list[Block]:
        called = [part for layer in attention_layers(self.network, "attn2") for part in (layer.to_k, layer.to_v)]
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
