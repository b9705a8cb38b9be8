"""LoRA files (arXiv 2106.09685), of diffusers, kohya's scripts and PPDiffusers: reads them, merges them into weights.

A LoRA changes a weight ``W`` into ``W + strength * alpha / rank * up @ down`` (section 4.1).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ppt2v.cache import fingerprint
from ppt2v.errors import InputError
from ppt2v.models.formats import reading

_MATRIX = re.compile(r"(.+?)[._]lora(?:_linear_layer)?[._](down|up|A|B)(?:\.default(?:_\d+)?)?\.weight")
_ROLES = {"down": "down", "A": "down", "up": "up", "B": "up"}
_ALPHA = ".alpha"
_PEFT = "lora_adapter_metadata"  # where diffusers keeps alpha, as JSON
_LISTED = 4
_LEFT_OUT = "text_model."  # with transformers 5

# How a file may begin the name of a layer: with its full name, or with one in which dots have become underscores.
_PREFIXES = {
    "unet": ("unet.", "", "base_model.model."),
    "text_encoder": ("text_encoder.", "", "base_model.model."),
}
_KOHYA_PREFIXES = {"unet": ("lora_unet_",), "text_encoder": ("lora_te_", "lora_te1_")}
# How the name of an attention layer ends in files of diffusers before 0.22, by how it ends in the network.
_OLD_ENDINGS = {
    ".to_q": ".processor.to_q",
    ".to_k": ".processor.to_k",
    ".to_v": ".processor.to_v",
    ".to_out.0": ".processor.to_out",
    ".q_proj": ".to_q",
    ".k_proj": ".to_k",
    ".v_proj": ".to_v",
    ".out_proj": ".to_out",
}


class Update(NamedTuple):
    """What changes a layer: ``down`` ``[rank, in, ...]`` and ``up`` ``[out, rank, ...]``, scaled by alpha / rank."""

    down: np.ndarray
    up: np.ndarray
    scale: float

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Whether it belongs to a weight of this shape, in PyTorch's layout ``[out, in, ...]``."""
        rank = self.down.shape[0]
        return _trimmed(self.down.shape) == _trimmed((rank, *shape[1:])) and _trimmed(self.up.shape) == (shape[0], rank)

    def difference(self, shape: tuple[int, ...]) -> np.ndarray:
        """What is added to a weight of this shape at strength 1, in float32."""
        down, up = (reading.widen(matrix).astype(np.float32) for matrix in (self.down, self.up))
        rank = down.shape[0]
        return (self.scale * (up.reshape(-1, rank) @ down.reshape(rank, -1))).reshape(shape)


class Merge:
    """The part of a LoRA that belongs to one network: by the names of its weights, in Paddle's layout."""

    def __init__(self, updates: Mapping[str, list[Update]], strength: float, mark: str):
        self._updates, self._strength = updates, strength
        self.fingerprint = f"{mark} * {strength}"

    def __call__(self, name: str, weight: np.ndarray) -> np.ndarray:
        """The weight with what is added to it, in float32; itself where the LoRA does not concern it."""
        linear = weight.ndim == 2  # which Paddle keeps transposed
        for update in self._updates.get(name, ()):
            difference = update.difference(weight.shape[::-1] if linear else weight.shape)
            weight = weight + np.float32(self._strength) * (difference.T if linear else difference)
        return weight


class Lora:
    """A LoRA file and its strength (1: as it was trained).

    Raises:
        InputError: the file cannot be read, holds no LoRA, or holds more than one.
    """

    def __init__(self, file: Path, strength: float):
        self.file, self.strength = file, strength
        self.updates = _read(file)

    @property
    def mark(self) -> str:
        """Differs for different files and strengths."""
        return f"{fingerprint(self.file)} * {self.strength}"

    def fit(self, networks: Mapping[str, Any]) -> dict[str, Merge]:
        """What belongs to each of the networks, named as in ``_PREFIXES``.

        Raises:
            InputError: parts of the file fit no layer, by name or shape.
        """
        layers = {
            spelling: (part, *layer)
            for part, network in networks.items()
            for layer in _layers(network)
            for spelling in _spellings(part, layer[0])
        }
        self._check_names(layers.keys())
        found: dict[str, dict[str, list[Update]]] = {part: {} for part in networks}
        wrong = []
        for spelling, update in self.updates.items():
            part, name, shape = layers[spelling]
            if not update.fits(shape):
                wrong.append(f"{name} takes {list(shape)}, the file is for {_shape(update)}")
            found[part].setdefault(f"{name}.weight", []).append(update)
        if wrong:
            raise InputError(f"{self._complaint(wrong)}, by their shapes: {_listed(wrong, '; ')}{_ADVICE}")
        mark = fingerprint(self.file)
        return {part: Merge(updates, self.strength, mark) for part, updates in found.items() if updates}

    def _check_names(self, known) -> None:
        strange = sorted(self.updates.keys() - known)
        if strange:
            raise InputError(f"{self._complaint(strange)}: {_listed(strange)}{_ADVICE}")

    def _complaint(self, strange: list[str]) -> str:
        return f"{self.file} does not fit the model: {len(strange)} of its {len(self.updates)} layers do not"


_ADVICE = "; give a LoRA that was made for a model of this family, such as Stable Diffusion 1.x"


def _read(file: Path) -> dict[str, Update]:
    """The updates by the names of their layers in the file."""
    loaded = reading.read(file)
    matrices: dict[str, dict[str, np.ndarray]] = {}
    strange = []
    for key, tensor in loaded.tensors.items():
        match = _MATRIX.fullmatch(key)
        if match:
            matrices.setdefault(match[1], {})[_ROLES[match[2]]] = _in_pytorch_layout(tensor, loaded.layout)
        elif key.endswith(_ALPHA):
            matrices.setdefault(key[: -len(_ALPHA)], {})["alpha"] = tensor
        else:
            strange.append(key)
    incomplete = [layer for layer, found in matrices.items() if not {"down", "up"} <= found.keys()]
    if not matrices:
        raise InputError(f"{file} is no LoRA: it has no lora_down/lora_up or lora_A/lora_B ({_listed(strange)})")
    if strange or incomplete:
        raise InputError(
            f"{file} is no plain LoRA: {_listed(strange + incomplete)} belong to another method (LoHa, LoKr, DoRA) or "
            "lack their counterpart; give a file with lora_down and lora_up, or lora_A and lora_B, for each layer"
        )
    alphas = _Alphas(loaded.metadata.get(_PEFT, "{}"), file)
    return {layer: _update(layer, found, alphas) for layer, found in matrices.items()}


def _in_pytorch_layout(matrix: np.ndarray, layout: str) -> np.ndarray:
    return matrix.T if layout == reading.PADDLE and matrix.ndim == 2 else matrix


def _update(layer: str, found: dict[str, np.ndarray], alphas: _Alphas) -> Update:
    rank = found["down"].shape[0]
    if "alpha" in found:
        return Update(found["down"], found["up"], reading.widen(found["alpha"]).item() / rank)
    return Update(found["down"], found["up"], alphas.scale(layer, rank))


class _Alphas:
    """What diffusers says beside the matrices, ``{"unet.lora_alpha": 8, ...}`` as JSON; else alpha is the rank."""

    def __init__(self, metadata: str, file: Path):
        try:
            self._said = dict(json.loads(metadata))
        except (TypeError, ValueError) as error:
            raise InputError(f"{file}: what it says of its alphas ({_PEFT}) is no JSON object: {error}") from None

    def scale(self, layer: str, rank: int) -> float:
        part, _, name = layer.partition(".")
        alpha = self._said.get(f"{part}.lora_alpha", rank)
        for pattern, own in self._said.get(f"{part}.alpha_pattern", {}).items():
            if re.fullmatch(rf"(?:.*\.)?(?:{pattern})", name):
                alpha = own
        return alpha / (math.sqrt(rank) if self._said.get(f"{part}.use_rslora") else rank)


def _layers(network) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The name and the weight's shape, in PyTorch's layout, of each layer that a LoRA can change."""
    from paddle import nn

    for name, layer in network.named_sublayers():
        if isinstance(layer, (nn.Linear, nn.Conv2D)):
            shape = tuple(layer.weight.shape)
            yield name, shape[::-1] if isinstance(layer, nn.Linear) else shape


def _spellings(part: str, name: str) -> Iterator[str]:
    """The names that files may have for a layer of a network."""
    yield from (prefix + name.replace(".", "_") for prefix in _KOHYA_PREFIXES[part])
    old = [name.removesuffix(ending) + other for ending, other in _OLD_ENDINGS.items() if name.endswith(ending)]
    yield from (
        prefix + spelling
        for prefix in _PREFIXES[part]
        for full in (name, *old)
        for spelling in (full, full.removeprefix(_LEFT_OUT))
    )


def _trimmed(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Without the sides of 1x1 kernels: a Linear layer is one of them."""
    return shape[:2] if set(shape[2:]) <= {1} else shape


def _shape(update: Update) -> list[int]:
    return [update.up.shape[0], *update.down.shape[1:]]


def _listed(names: list[str], between: str = ", ") -> str:
    return between.join(names[:_LISTED]) + (f"{between}..." if len(names) > _LISTED else "")
