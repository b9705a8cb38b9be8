"""The names that the code of latent diffusion gave to layers and schedule, which single files and ModelScope's keep.

A table says for the beginnings of diffusers' names what that code has in their place: ``renamed`` applies it, and
``inverted`` turns it round.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

# Of all models of Stable Diffusion and of ModelScope's text to video: 1000 levels, the square roots of beta evenly
# spaced, and the last step ending at the first level.
SCHEDULER = {
    "_class_name": "DDIMScheduler",
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
    "prediction_type": "epsilon",
}

EPSILON, V_PREDICTION, SAMPLE = PREDICTION_TYPES = ("epsilon", "v_prediction", "sample")
SPACINGS = ("leading", "trailing", "linspace")  # of timesteps

_UNET = {
    "conv_in": "input_blocks.0.0",
    "transformer_in": "input_blocks.0.1",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_VAE = {
    "mid_block.resnets.0": "mid.block_1",
    "mid_block.resnets.1": "mid.block_2",
    "mid_block.attentions.0.group_norm": "mid.attn_1.norm",
    "mid_block.attentions.0.to_q": "mid.attn_1.q",
    "mid_block.attentions.0.to_k": "mid.attn_1.k",
    "mid_block.attentions.0.to_v": "mid.attn_1.v",
    "mid_block.attentions.0.to_out.0": "mid.attn_1.proj_out",
    "conv_norm_out": "norm_out",
}
_PICTURES, _VIDEOS = ("attentions",), ("attentions", "temp_attentions")


def renamed(name: str, table: Mapping[str, str]) -> str:
    """The name with its longest beginning that is in the table replaced."""
    pieces = name.split(".")
    for length in range(len(pieces), 0, -1):
        beginning = ".".join(pieces[:length])
        if beginning in table:
            return ".".join([table[beginning], *pieces[length:]])
    return name


def inverted(table: Mapping[str, str]) -> dict[str, str]:
    """The table from that code's names to diffusers'."""
    return {theirs: ours for ours, theirs in table.items()}


def unet_table(config: Mapping[str, Any], videos: bool = False) -> dict[str, str]:
    """The names of a UNet.

    Args:
        config: as diffusers' config.json has it, of which the levels and the layers per level count.
        videos: whether it is ModelScope's, with layers that work across the frames.
    """
    return dict(_unet_rows(config, _VIDEOS if videos else _PICTURES))


def controlnet_table(config: Mapping[str, Any]) -> dict[str, str]:
    """The names of a ControlNet; ``config`` as for ``unet_table``, and the channels of what embeds the maps."""
    return dict([*_unet_rows({**config, "up_block_types": ()}, _PICTURES), *_control_rows(config)])


def vae_table(levels: int, layers: int) -> dict[str, str]:
    """The names of an autoencoder of so many resolutions, with so many layers in each of the encoder."""
    table = {f"{half}.{ours}": f"{half}.{theirs}" for half in ("encoder", "decoder") for ours, theirs in _VAE.items()}
    for level in range(levels):
        ways = (("encoder.down", level, "down"), ("decoder.up", levels - 1 - level, "up"))  # which counts backwards
        for theirs, place, way in ways:
            ours = f"{theirs}_blocks.{place}"
            table[f"{ours}.{way}samplers.0"] = f"{theirs}.{level}.{way}sample"
            for layer in range(layers + 1):
                resnet, block = f"{ours}.resnets.{layer}", f"{theirs}.{level}.block.{layer}"
                table |= {resnet: block, f"{resnet}.conv_shortcut": f"{block}.nin_shortcut"}
    return table


def _unet_rows(config: Mapping[str, Any], attention: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    yield from _UNET.items()
    yield from _resnet("mid_block", 0, "middle_block.0")
    yield from _attention("mid_block", 0, "middle_block", attention)
    yield from _resnet("mid_block", 1, f"middle_block.{1 + len(attention)}")
    layers = config["layers_per_block"]
    for level in range(len(config["down_block_types"])):
        ours, first = f"down_blocks.{level}", 1 + level * (layers + 1)
        for layer in range(layers):
            block = f"input_blocks.{first + layer}"
            yield from _resnet(ours, layer, f"{block}.0")
            yield from _attention(ours, layer, block, attention)
        yield f"{ours}.downsamplers.0.conv", f"input_blocks.{first + layers}.{'0.' if attention == _PICTURES else ''}op"
    for level, kind in enumerate(config["up_block_types"]):
        ours, attending = f"up_blocks.{level}", attention if kind.startswith("CrossAttn") else ()
        for layer in range(layers + 1):
            block = f"output_blocks.{level * (layers + 1) + layer}"
            yield from _resnet(ours, layer, f"{block}.0")
            yield from _attention(ours, layer, block, attending)
        yield f"{ours}.upsamplers.0", f"{block}.{1 + len(attending)}"


def _resnet(ours: str, number: int, theirs: str) -> Iterator[tuple[str, str]]:
    for name, inner in _RESNET.items():
        yield f"{ours}.resnets.{number}.{name}", f"{theirs}.{inner}"
    yield f"{ours}.temp_convs.{number}", f"{theirs}.temopral_conv"


def _attention(ours: str, number: int, theirs: str, kinds: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    return ((f"{ours}.{kind}.{number}", f"{theirs}.{place}") for place, kind in enumerate(kinds, 1))


def _control_rows(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for number in range(len(config["down_block_types"]) * (config["layers_per_block"] + 1)):
        yield f"controlnet_down_blocks.{number}", f"zero_convs.{number}.0"
    yield "controlnet_mid_block", "middle_block_out.0"
    embedding, blocks = "controlnet_cond_embedding", 2 * (len(config["conditioning_embedding_out_channels"]) - 1)
    for place, name in enumerate(["conv_in", *(f"blocks.{block}" for block in range(blocks)), "conv_out"]):
        yield f"{embedding}.{name}", f"input_hint_block.{2 * place}"
