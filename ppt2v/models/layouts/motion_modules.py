"""Motion modules of AnimateDiff: in a single file, as their authors published them, and as a folder of diffusers.

The files of the versions 1 to 3 and of AnimateLCM have no configuration: it is found from the shapes of their weights,
and from what all of them share.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from ppt2v.errors import InputError
from ppt2v.language import words
from ppt2v.models.formats import reading
from ppt2v.models.formats.reading import WeightFile

from . import contents
from .network_configs import read_config
from .rules import TRUTH, Rule, broken, only, whole
from .single_file import Network

KIND = "MotionAdapter"  # diffusers' name of the class
_MODULE = re.compile(r"(?:.*?\.)?((?:down_blocks\.\d+|mid_block|up_blocks\.\d+)\.motion_modules\.\d+\..+)")
# What the authors' code calls what within a module, by diffusers' names.
_INNER = "temporal_transformer."
_PARTS = {
    "attn1": "attention_blocks.0",
    "attn2": "attention_blocks.1",
    "norm1": "norms.0",
    "norm2": "norms.1",
    "norm3": "ff_norm",
}
_POSITIONS, _OWN_POSITIONS = "pos_embed.pe", "attention_blocks.0.pos_encoder.pe"
_SECOND_POSITIONS = "attention_blocks.1.pos_encoder.pe"  # the same again
_HEADS, _GROUPS, _LENGTH = 8, 32, 32  # of all that were published; the length where a file does not tell positions

_SPARSE = "controlnet_cond_embedding"  # in the names of a SparseCtrl, beside its own motion modules

# What diffusers' folders may say, with what counts where they do not; of the last ones nothing else can be run.
_NUMBERS = {
    "motion_layers_per_block": 2,
    "motion_num_attention_heads": 8,
    "motion_norm_num_groups": 32,
    "motion_max_seq_length": 32,
    "motion_transformer_layers_per_block": 1,
}
_FIXED = {"motion_mid_block_layers_per_block": 1, "motion_transformer_layers_per_mid_block": 1}
_MIDDLE, _NOISE, _OF_MODEL = "use_motion_mid_block", "noise_schedule", "model"
_RULES = {
    **{name: only(number) for name, number in _FIXED.items()},
    **dict.fromkeys(_NUMBERS, whole(1, 2**12 - 1)),
    _MIDDLE: TRUTH,
    _NOISE: Rule(lambda value: value == _OF_MODEL, words("{value}, or nothing", value=repr(_OF_MODEL))),
}


def configuration(place: Path) -> tuple[dict[str, Any], bool]:
    """The configuration of the modules in a folder or file, with a value for everything, and their levels of noise.

    Those that were published have levels of their own; a folder whose modules were trained with the levels of their
    image model says so, ``"noise_schedule": "model"``, and then the second value is True.

    Raises:
        InputError: they are none, or of a kind that cannot be run.
    """
    if place.is_file():
        return in_file(reading.read(place), str(place)).config, False
    file = place / "config.json"
    said = read_config(file, KIND, ("block_out_channels",))
    if said.get("conv_in_channels") is not None:
        raise InputError(
            "E-MOTION-MODULE-PIA",
            "{file} is that of PIA, whose UNet takes a picture beside the latents: such are not run here",
            file=file,
        )
    told = {name: value for name, value in said.items() if value is not None}
    told |= {name: _of_all_levels(told[name]) for name in (*_NUMBERS, *_FIXED) if name in told}
    config = {**_NUMBERS, **_FIXED, _MIDDLE: True, _NOISE: None, **told}
    wrong = broken(config, _RULES)
    if wrong is not None:
        raise InputError(
            "E-MOTION-MODULE-CONFIG",
            "{file} cannot be used: {name}={value}; the rule is {rule}",
            file=file,
            name=wrong.name,
            value=repr(wrong.value),
            rule=wrong.rule,
        )
    names = ("block_out_channels", *_NUMBERS, _MIDDLE)
    return {name: config[name] for name in names}, config[_NOISE] == _OF_MODEL


def _of_all_levels(value: Any) -> Any:
    """A number that a list has for each level, or lists for each layer of each, where they agree."""
    while isinstance(value, list) and value and all(each == value[0] for each in value):
        value = value[0]
    return value


def in_file(loaded: WeightFile, source: str) -> Network:
    """The modules in a file, by the authors' names or by diffusers'.

    Args:
        loaded: what the file holds.
        source: its name, for errors.

    Raises:
        InputError: the file holds none, or not all of them.
    """
    if contents.describe(loaded.tensors) != contents.MOTION_MODULE:
        names = list(loaded.tensors)
        raise InputError(
            "E-MOTION-MODULE-NONE",
            "{source} is no motion module but {held}: {use}",
            source=source,
            held=contents.describe(names),
            use=contents.use(names),
        )
    if any(_SPARSE in name for name in loaded.tensors):
        raise InputError(
            "E-MOTION-MODULE-SPARSE",
            "{source} is a SparseCtrl of AnimateDiff, which guides by a few pictures: such are not run here",
            source=source,
        )
    found = ((_MODULE.fullmatch(name), array) for name, array in loaded.tensors.items())
    own = {_current(match[1]): array for match, array in found if match and not match[1].endswith(_SECOND_POSITIONS)}
    config = _configuration(own, source)
    return Network(config, _with_positions(own, config["motion_max_seq_length"]))


def _current(name: str) -> str:
    """Diffusers' name of a weight."""
    name = name.replace(_INNER, "").replace(_OWN_POSITIONS, _POSITIONS)
    for current, own in _PARTS.items():
        name = name.replace(f".{own}.", f".{current}.")
    return name


def authors_name(name: str) -> str:
    """What the authors' code calls a layer, which files of LoRA keep."""
    for current, own in _PARTS.items():
        name = name.replace(f".{current}.", f".{own}.")
    return re.sub(r"(\.motion_modules\.\d+\.)", rf"\1{_INNER}", name)


def _configuration(own: Mapping[str, np.ndarray], source: str) -> dict[str, Any]:
    first = "down_blocks.{}.motion_modules.0.proj_in.weight"
    levels = _numbered(own, first)
    if not levels:
        raise InputError(
            "E-MOTION-MODULE-INCOMPLETE",
            "{source} is not complete: it has no weight {name}; download or copy it again",
            source=source,
            name=first.format(0),
        )
    module = "down_blocks.0.motion_modules.0.transformer_blocks"
    positions = own.get(f"{module}.0.{_POSITIONS}")
    return {
        "block_out_channels": [own[first.format(level)].shape[0] for level in range(levels)],
        "motion_layers_per_block": _numbered(own, "down_blocks.0.motion_modules.{}.proj_in.weight"),
        "motion_num_attention_heads": _HEADS,
        "motion_norm_num_groups": _GROUPS,
        "motion_max_seq_length": _LENGTH if positions is None else positions.shape[-2],
        "motion_transformer_layers_per_block": _numbered(own, f"{module}.{{}}.norm1.weight"),
        "use_motion_mid_block": any(name.startswith("mid_block.") for name in own),
    }


def _numbered(own: Mapping[str, np.ndarray], form: str) -> int:
    return next(number for number in count() if form.format(number) not in own)


def _with_positions(own: Mapping[str, np.ndarray], length: int) -> dict[str, np.ndarray]:
    """The weights, with the sines and cosines of the frames' places that AnimateLCM's file leaves out."""
    blocks = {
        name.removesuffix("norm1.weight"): array.size for name, array in own.items() if name.endswith("norm1.weight")
    }
    missing = {
        f"{block}{_POSITIONS}": _sinusoids(length, width)
        for block, width in blocks.items()
        if f"{block}{_POSITIONS}" not in own
    }
    return {**own, **missing}


def _sinusoids(length: int, channels: int) -> np.ndarray:
    """The encoding of places of arXiv 1706.03762, section 3.5, float32 ``[1, length, channels]``."""
    places = np.arange(length)[:, None] * np.exp(np.arange(0, channels, 2) * (-np.log(10000.0) / channels))
    return np.stack([np.sin(places), np.cos(places)], axis=-1).reshape(1, length, -1).astype(np.float32)
