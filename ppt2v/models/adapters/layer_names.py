"""Which layer of a network a file means: training programs name layers in many ways, most of which differ in dots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ppt2v.models.layouts import ldm_names, motion_modules

UNET, TEXT_ENCODER, TEXT_ENCODER_2, MOTION = "unet", "text_encoder", "text_encoder_2", "motion"
_WITHIN = {UNET: (UNET, MOTION)}  # where a layer may be whose name says the first

# What names begin with, one after the other, before the layer: the network that it says, if any. Dots are underscores;
# the first that fits counts.
_BEGINNINGS = {
    "base_model_model_": None,  # PEFT
    "lora_": None,  # kohya's scripts
    "lycoris_": None,
    "module_": None,
    "model_": None,
    "unet_": UNET,
    "diffusion_model_": UNET,  # of the code that trained Stable Diffusion
    "te_": TEXT_ENCODER,
    "te1_": TEXT_ENCODER,
    "te2_": TEXT_ENCODER_2,
    "text_encoder_2_": TEXT_ENCODER_2,
    "text_encoder_": TEXT_ENCODER,
    "text_encoders_clip_l_transformer_": TEXT_ENCODER,
    "text_encoders_clip_g_transformer_": TEXT_ENCODER_2,
    "clip_l_transformer_": TEXT_ENCODER,
    "clip_g_transformer_": TEXT_ENCODER_2,
    "cond_stage_model_transformer_": TEXT_ENCODER,
    "conditioner_embedders_0_transformer_": TEXT_ENCODER,
}
_TEXT_PROJECTION = "attn2.to_k"  # how the name ends of what a UNet reads the text with
_LEFT_OUT = "text_model_"  # since transformers 5
# How the name of an attention layer ends in files of diffusers before 0.22, by how it ends in the network.
_OLD_ENDINGS = {
    "_to_q": "_processor_to_q",
    "_to_k": "_processor_to_k",
    "_to_v": "_processor_to_v",
    "_to_out_0": "_processor_to_out",
    "_q_proj": "_to_q",
    "_k_proj": "_to_k",
    "_v_proj": "_to_v",
    "_out_proj": "_to_out",
}


class Layer(NamedTuple):
    """A layer of a network that can be changed; shapes are in PyTorch's layout."""

    part: str
    name: str
    shape: tuple[int, ...]
    bias_shape: tuple[int, ...] | None


class LayerNames:
    """The layers of some networks by the names that files have for them.

    ``text_width`` is that of the text which a UNet attends to.

    Args:
        networks: by ``UNET``, ``TEXT_ENCODER``, ``TEXT_ENCODER_2`` and, where there are motion modules, ``MOTION``.
    """

    def __init__(self, networks: Mapping[str, Any]):
        self._layers = {
            (part, spelling): layer
            for part, network in networks.items()
            for layer in _layers(part, network)
            for spelling in _spellings(layer.name, _original_names(part, network))
        }
        widths = (layer.shape[1] for layer in self._layers.values() if layer.name.endswith(_TEXT_PROJECTION))
        self.text_width = next(widths, None)

    def find(self, name: str) -> Layer | None:
        """The layer of that name in a file; None where the networks have no such layer."""
        part, rest = _without_beginnings(name.replace(".", "_"))
        parts = (UNET, TEXT_ENCODER, MOTION) if part is None else _WITHIN.get(part, (part,))
        return next((self._layers[each, rest] for each in parts if (each, rest) in self._layers), None)


def _without_beginnings(name: str) -> tuple[str | None, str]:
    """The network that a name says, and what is left of it."""
    said = None
    while True:
        beginning = next((each for each in _BEGINNINGS if name.startswith(each)), None)
        if beginning is None:
            return said, name
        said, name = _BEGINNINGS[beginning] or said, name[len(beginning) :]


def _layers(part: str, network) -> Iterator[Layer]:
    from paddle import nn

    for name, layer in network.named_sublayers():
        if isinstance(layer, (nn.Linear, nn.Conv2D, nn.LayerNorm, nn.GroupNorm)):
            shape = tuple(layer.weight.shape)
            bias = None if layer.bias is None else tuple(layer.bias.shape)
            yield Layer(part, name, shape[::-1] if isinstance(layer, nn.Linear) else shape, bias)


def _original_names(part: str, network) -> Mapping[str, str]:
    """What the code that trained the network calls what in it."""
    if part == MOTION:
        return {name: motion_modules.authors_name(name) for name, _ in network.named_sublayers()}
    return ldm_names.unet_table(network.config) if part == UNET else {}


def _spellings(name: str, original: Mapping[str, str]) -> Iterator[str]:
    for full in dict.fromkeys((name, ldm_names.renamed(name, original))):
        spelling = full.replace(".", "_")
        yield spelling
        yield spelling.removeprefix(_LEFT_OUT)
        for ending, old in _OLD_ENDINGS.items():
            if spelling.endswith(ending):
                yield spelling.removesuffix(ending) + old
                yield spelling.removeprefix(_LEFT_OUT).removesuffix(ending) + old
