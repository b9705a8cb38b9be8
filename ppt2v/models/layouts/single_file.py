"""Models of Stable Diffusion 1.x in a single file, as sites offer them: in the layout of the code that trained them.

What diffusers calls a layer is said here as a table from the file's names; a file has no configuration, so that is
found from the shapes of its weights, and from what all models of the family share.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

from ppt2v.errors import InputError
from ppt2v.models.formats import reading

PREFIXES = {
    "unet": "model.diffusion_model.",
    "vae": "first_stage_model.",
    "text_encoder": "cond_stage_model.transformer.",
}
_OTHER_FAMILIES = {
    "conditioner.embedders.": "Stable Diffusion XL",
    "cond_stage_model.model.": "Stable Diffusion 2.x",
    "model.diffusion_model.joint_blocks.": "Stable Diffusion 3",
}
_ADVICE = "give a file of Stable Diffusion 1.x, or a folder in the layout of diffusers"

# The same in all models of the family, and not to be seen in the shapes.
_GROUPS, _HEADS, _TEXT_HEAD_WIDTH = 32, 8, 64
_SIDE = 64  # of the latents that the models were trained on
SCHEDULER = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
    "prediction_type": "epsilon",
}

_UNET_LAYERS = {
    "time_embed.0": "time_embedding.linear_1",
    "time_embed.2": "time_embedding.linear_2",
    "input_blocks.0.0": "conv_in",
    "out.0": "conv_norm_out",
    "out.2": "conv_out",
    "middle_block.1": "mid_block.attentions.0",
}
_UNET_RESNET = {
    "in_layers.0": "norm1",
    "in_layers.2": "conv1",
    "emb_layers.1": "time_emb_proj",
    "out_layers.0": "norm2",
    "out_layers.3": "conv2",
    "skip_connection": "conv_shortcut",
}
_VAE_LAYERS = {"mid.block_1": "mid_block.resnets.0", "mid.block_2": "mid_block.resnets.1", "norm_out": "conv_norm_out"}
_VAE_ATTENTION = {"norm": "group_norm", "q": "to_q", "k": "to_k", "v": "to_v", "proj_out": "to_out.0"}


def config(file: Path, part: str) -> dict[str, Any]:
    """The configuration, as diffusers' config.json has it, of a part (a key of ``PREFIXES``).

    Raises:
        InputError: the file cannot be read, or is no model of this family.
    """
    shapes = _Shapes(file, _part(file, part))
    return {"unet": _unet_config, "vae": _vae_config, "text_encoder": _text_config}[part](shapes)


def convert(loaded: reading.WeightFile, config: Mapping[str, Any], part: str) -> reading.WeightFile:
    """The weights of a part under the names of diffusers; a name that is not in the tables stays as it is."""
    table = {"unet": _unet_table, "vae": _vae_table, "text_encoder": lambda _: {}}[part](config)
    tensors = {_renamed(name, table): array for name, array in _selected(loaded, part).items()}
    if part == "vae":  # whose attention was made of 1x1 convolutions
        tensors = {
            name: array[..., 0, 0] if ".attentions." in name and array.ndim == 4 else array
            for name, array in tensors.items()
        }
    return reading.WeightFile(tensors, reading.PYTORCH)


class _Shapes:
    """The shapes of a part's weights by their names in the file."""

    def __init__(self, file: Path, tensors: Mapping[str, Any]):
        self._file, self._tensors = file, tensors

    def __contains__(self, name: str) -> bool:
        return name in self._tensors

    def __getitem__(self, name: str) -> tuple[int, ...]:
        if name not in self._tensors:
            raise self.lack(name)
        return self._tensors[name].shape

    def lack(self, name: str) -> InputError:
        """What is said of a weight that is not there."""
        return InputError(f"{self._file} is no complete model: it has no weight {name}; {_ADVICE}")

    def numbered(self, form: str) -> int:
        """How many of the names with a number for ``{}`` there are, from 0 on."""
        return next(number for number in count() if form.format(number) not in self)


def _part(file: Path, part: str) -> dict[str, Any]:
    loaded = reading.read(file)
    for prefix, family in _OTHER_FAMILIES.items():
        if any(name.startswith(prefix) for name in loaded.tensors):
            raise InputError(f"{file} is a model of {family}, which a single file cannot be here; {_ADVICE}")
    tensors = _selected(loaded, part)
    if not tensors:
        raise InputError(
            f"{file} is no Stable Diffusion model: none of its weights begins with {PREFIXES[part]}; {_ADVICE}"
        )
    return tensors


def _selected(loaded: reading.WeightFile, part: str) -> dict[str, Any]:
    prefix = PREFIXES[part]
    return {name.removeprefix(prefix): array for name, array in loaded.tensors.items() if name.startswith(prefix)}


def _renamed(name: str, table: Mapping[str, str]) -> str:
    """The name with its longest beginning that is in the table replaced."""
    pieces = name.split(".")
    for length in range(len(pieces), 0, -1):
        beginning = ".".join(pieces[:length])
        if beginning in table:
            return ".".join([table[beginning], *pieces[length:]])
    return name


def _unet_config(shapes: _Shapes) -> dict[str, Any]:
    levels = _levels(shapes)
    attend = [level[0][1] for level in levels]
    kinds = [("CrossAttn" if attends else "") for attends in attend]
    projection = shapes["middle_block.1.proj_in.weight"]
    return {
        "_class_name": "UNet2DConditionModel",
        "in_channels": shapes["input_blocks.0.0.weight"][1],
        "out_channels": shapes["out.2.weight"][0],
        "block_out_channels": [level[0][0] for level in levels],
        "layers_per_block": len(levels[0]),
        "down_block_types": [f"{kind}DownBlock2D" for kind in kinds],
        "up_block_types": [f"{kind}UpBlock2D" for kind in reversed(kinds)],
        "cross_attention_dim": shapes["middle_block.1.transformer_blocks.0.attn2.to_k.weight"][1],
        "use_linear_projection": len(projection) == 2,
        "attention_head_dim": _HEADS,  # which diffusers means by this name
        "norm_num_groups": _GROUPS,
        "sample_size": _SIDE,
    }


def _levels(shapes: _Shapes) -> list[list[tuple[int, bool]]]:
    """For each resolution on the way down, and each layer there, its channels and whether it has attention."""
    levels: list[list[tuple[int, bool]]] = [[]]
    number = 0
    while True:
        number += 1
        block = f"input_blocks.{number}"
        if f"{block}.0.op.weight" in shapes:
            levels.append([])
        elif f"{block}.0.in_layers.2.weight" in shapes:
            channels = shapes[f"{block}.0.in_layers.2.weight"][0]
            levels[-1].append((channels, f"{block}.1.norm.weight" in shapes))
        elif not all(levels):
            raise shapes.lack(f"{block}.0.in_layers.2.weight")
        else:
            return levels


def _vae_config(shapes: _Shapes) -> dict[str, Any]:
    levels = shapes.numbered("encoder.down.{}.block.0.conv1.weight")
    return {
        "_class_name": "AutoencoderKL",
        "in_channels": shapes["encoder.conv_in.weight"][1],
        "out_channels": shapes["decoder.conv_out.weight"][0],
        "latent_channels": shapes["post_quant_conv.weight"][0],
        "block_out_channels": [shapes[f"encoder.down.{level}.block.0.conv1.weight"][0] for level in range(levels)],
        "layers_per_block": shapes.numbered("encoder.down.0.block.{}.conv1.weight"),
        "down_block_types": ["DownEncoderBlock2D"] * levels,
        "up_block_types": ["UpDecoderBlock2D"] * levels,
        "norm_num_groups": _GROUPS,
        "sample_size": _SIDE * 2 ** (levels - 1),
        "scaling_factor": 0.18215,
    }


def _text_config(shapes: _Shapes) -> dict[str, Any]:
    start = "text_model." if "text_model.embeddings.token_embedding.weight" in shapes else ""
    vocabulary, width = shapes[f"{start}embeddings.token_embedding.weight"]
    first = f"{start}encoder.layers.0"
    return {
        "vocab_size": vocabulary,
        "hidden_size": width,
        "intermediate_size": shapes[f"{first}.mlp.fc1.weight"][0],
        "num_hidden_layers": shapes.numbered(f"{start}encoder.layers.{{}}.mlp.fc1.weight"),
        "num_attention_heads": max(1, width // _TEXT_HEAD_WIDTH),
        "max_position_embeddings": shapes[f"{start}embeddings.position_embedding.weight"][0],
        "hidden_act": "quick_gelu",
    }


def _unet_table(config: Mapping[str, Any]) -> dict[str, str]:
    return dict(_unet_rows(config))


def _unet_rows(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Beginnings of names in the file, and what diffusers has in their place."""
    yield from _UNET_LAYERS.items()
    yield from _resnet("middle_block.0", "mid_block.resnets.0")
    yield from _resnet("middle_block.2", "mid_block.resnets.1")
    layers, last = config["layers_per_block"], len(config["block_out_channels"]) - 1
    number = 1
    for level in range(len(config["down_block_types"])):
        for layer in range(layers):
            yield from _resnet(f"input_blocks.{number}.0", f"down_blocks.{level}.resnets.{layer}")
            yield f"input_blocks.{number}.1", f"down_blocks.{level}.attentions.{layer}"
            number += 1
        yield f"input_blocks.{number}.0.op", f"down_blocks.{level}.downsamplers.0.conv"
        number += 1
    for level, kind in enumerate(config["up_block_types"]):
        for layer in range(layers + 1):
            block = f"output_blocks.{level * (layers + 1) + layer}"
            yield from _resnet(f"{block}.0", f"up_blocks.{level}.resnets.{layer}")
            if kind.startswith("CrossAttn"):
                yield f"{block}.1", f"up_blocks.{level}.attentions.{layer}"
        if level < last:
            place = 2 if kind.startswith("CrossAttn") else 1
            yield f"{block}.{place}", f"up_blocks.{level}.upsamplers.0"


def _resnet(theirs: str, ours: str) -> Iterator[tuple[str, str]]:
    return ((f"{theirs}.{inner}", f"{ours}.{name}") for inner, name in _UNET_RESNET.items())


def _vae_table(config: Mapping[str, Any]) -> dict[str, str]:
    levels, layers = len(config["block_out_channels"]), config["layers_per_block"]
    table = {}
    for half in ("encoder", "decoder"):
        table |= {f"{half}.{theirs}": f"{half}.{ours}" for theirs, ours in _VAE_LAYERS.items()}
        table |= {
            f"{half}.mid.attn_1.{theirs}": f"{half}.mid_block.attentions.0.{ours}"
            for theirs, ours in _VAE_ATTENTION.items()
        }
    for level in range(levels):
        ways = (
            ("encoder.down", "encoder.down_blocks", level, "down"),
            ("decoder.up", "decoder.up_blocks", levels - 1 - level, "up"),
        )  # whose first level is the last to run
        for theirs, ours, place, way in ways:
            table[f"{theirs}.{level}.{way}sample"] = f"{ours}.{place}.{way}samplers.0"
            for layer in range(layers + 1):
                block, resnet = f"{theirs}.{level}.block.{layer}", f"{ours}.{place}.resnets.{layer}"
                table |= {block: resnet, f"{block}.nin_shortcut": f"{resnet}.conv_shortcut"}
    return table
