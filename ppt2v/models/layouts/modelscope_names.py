"""What the weights of ModelScope's text-to-video synthesis are called in its own files: one name for one of diffusers'.

Each of the three files has its own origin: the UNet ModelScope's, the autoencoder the first latent diffusion code, the
text encoder OpenCLIP.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import numpy as np

Tensors = Mapping[str, np.ndarray]

_UNET = {
    "conv_in": "input_blocks.0.0",
    "transformer_in": "input_blocks.0.1",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
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
_PLACES = {"resnets": "0", "temp_convs": "0.temopral_conv", "attentions": "1", "temp_attentions": "2"}

_VAE = (
    (r"mid_block\.attentions\.0\.group_norm", "mid.attn_1.norm"),
    (r"mid_block\.attentions\.0\.to_out\.0", "mid.attn_1.proj_out"),
    (r"mid_block\.attentions\.0\.to_(.)", r"mid.attn_1.\1"),
    (r"mid_block\.resnets\.0", "mid.block_1"),
    (r"mid_block\.resnets\.1", "mid.block_2"),
    (r"_blocks\.(\d+)\.resnets\.(\d+)", r".\1.block.\2"),
    (r"_blocks\.(\d+)\.(down|up)samplers\.0", r".\1.\2sample"),
    (r"conv_shortcut", "nin_shortcut"),
    (r"conv_norm_out", "norm_out"),
)
_TEXT = (
    (r"^text_model\.", ""),
    (r"embeddings\.token_embedding", "token_embedding"),
    (r"embeddings\.position_embedding\.weight", "positional_embedding"),
    (r"encoder\.layers\.", "transformer.resblocks."),
    (r"self_attn", "attn"),
    (r"layer_norm", "ln_"),
    (r"mlp\.fc1", "mlp.c_fc"),
    (r"mlp\.fc2", "mlp.c_proj"),
    (r"final_ln_\.", "ln_final."),
)
# Convolutions of one point there, matrices in diffusers: the axes that they have more.
_POINTS = (
    (re.compile(r"(temp_attentions\.\d+|transformer_in)\.proj_(in|out)\.weight$"), 1),
    (re.compile(r"mid_block\.attentions\.0\.to_(q|k|v|out\.0)\.weight$"), 2),
)


def unet_name(name: str, layers: int, attending: tuple[bool, ...]) -> str:
    """The name of a weight of the UNet.

    Args:
        name: in UNet3DConditionModel.
        layers: ``layers_per_block``.
        attending: which levels on the way up attend to the text.
    """
    for ours, theirs in _UNET.items():
        if name.startswith(f"{ours}."):
            return theirs + name[len(ours) :]
    way, *parts = name.split(".")
    level = 0 if way == "mid_block" else int(parts.pop(0))
    kind, number, rest = parts[0], int(parts[1]), ".".join(parts[2:])
    if kind == "downsamplers":
        return f"input_blocks.{(level + 1) * (layers + 1)}.{rest.replace('conv', 'op')}"
    if kind == "upsamplers":
        return f"output_blocks.{level * (layers + 1) + layers}.{3 if attending[level] else 1}.{rest}"
    place = _PLACES[kind]
    if kind == "resnets":
        module, weight = rest.rsplit(".", 1)
        rest = f"{_RESNET[module]}.{weight}"
    if way == "mid_block":
        return f"middle_block.{place.replace('0', str(3 * number))}.{rest}"
    first = level * (layers + 1) + number
    block = f"input_blocks.{first + 1}" if way == "down_blocks" else f"output_blocks.{first}"
    return f"{block}.{place}.{rest}"


def vae_name(name: str, levels: int) -> str:
    """The name of a weight of the autoencoder, in AutoencoderKL; there the levels on the way up are counted down."""
    renamed = _renamed(name, _VAE)
    return re.sub(r"^decoder\.up\.(\d+)", lambda match: f"decoder.up.{levels - 1 - int(match[1])}", renamed)


def text_name(name: str) -> str:
    """The name of a weight of the text encoder, in CLIPTextModel, where ``separate`` has been at work."""
    return _renamed(name, _TEXT)


def _renamed(name: str, rules: tuple[tuple[str, str], ...]) -> str:
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name


def to_diffusers(tensors: Tensors, names: list[str], original: Callable[[str], str]) -> dict[str, np.ndarray]:
    """The tensors under those of ``names`` that they have; the rest of them keeps the names it has."""
    rest, found = dict(tensors), {}
    for name in names:
        if original(name) in rest:
            array = rest.pop(original(name))
            found[name] = array.reshape(array.shape[: array.ndim - _extra_axes(name)])
    return {**found, **rest}


def to_original(tensors: Tensors, original: Callable[[str], str]) -> dict[str, np.ndarray]:
    """The other way round."""
    return {original(name): array.reshape(array.shape + (1,) * _extra_axes(name)) for name, array in tensors.items()}


def _extra_axes(name: str) -> int:
    return next((axes for pattern, axes in _POINTS if pattern.search(name)), 0)


def separate(tensors: Tensors) -> dict[str, np.ndarray]:
    """Tells the query, key and value projections of OpenCLIP apart, which it keeps in one matrix."""
    found = {}
    for name, array in tensors.items():
        match = re.match(r"(.*\.)in_proj_(weight|bias)$", name)
        if match:
            found.update(zip((f"{match[1]}{kind}_proj.{match[2]}" for kind in "qkv"), np.split(array, 3)))
        else:
            found[name] = array
    return found


def unite(tensors: Tensors) -> dict[str, np.ndarray]:
    """The other way round."""
    found = {}
    for name, array in tensors.items():
        match = re.match(r"(.*\.)([qkv])_proj\.(weight|bias)$", name)
        if not match:
            found[name] = array
        elif match[2] == "q":
            parts = [tensors[f"{match[1]}{kind}_proj.{match[3]}"] for kind in "qkv"]
            found[f"{match[1]}in_proj_{match[3]}"] = np.concatenate(parts)
    return found
