"""Files of LoRA and its relatives, as kohya's scripts, LyCORIS, diffusers, PEFT and PPDiffusers write them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Optional

import numpy as np

from ppt2v.cache import fingerprint
from ppt2v.errors import InputError
from ppt2v.language import Message, words
from ppt2v.models.formats import reading
from ppt2v.models.formats.dtypes import widen

from . import changes, origin
from .alphas import Alphas
from .arrays import Parts, Scale
from .changes import Change
from .layer_names import Layer, LayerNames
from .other_methods import listed, refusal
from .textual_inversion import Inversion

# How a name in a file ends, behind the layer: what the array is. PEFT may put an adapter's name between.
_ENDINGS = (
    r"[._]lora(?:_linear_layer)?[._](?P<low>down|up|mid|A|B)(?:\.(?!bias$)[^.]+?)??(?:\.weight)?",
    r"\.lora[._](?:up|B)(?:\.[^.]+?)??\.(?P<bias>bias)",
    r"\.(?P<magnitude>lora_magnitude_vector)(?:\.[^.]+?)??(?:\.weight)?",
    r"\.(?P<glora>a1|a2|b1|b2|bm)\.weight",
    r"\.(?P<other>hada_(?:w[12]_[ab]|t[12])|lokr_(?:w[12](?:_[ab])?|t2)|oft_blocks|rescale|diff(?:_b)?|[wb]_norm|alpha|"
    r"scalar|dora_scale|on_input)",
)
_PART = re.compile(rf"(?P<layer>.+?)(?:{'|'.join(_ENDINGS)})")
_LOW_RANK = {"down": "lora_down", "A": "lora_down", "up": "lora_up", "B": "lora_up", "mid": "lora_mid"}
_FACTOR = ".weight"  # of IA3, a name that all networks have for their weights, too
_WORD = re.compile(r"bundle_emb\.(?P<word>.+?)\.(?:string_to_param\.[^.]+|emb_params|clip_l|(?P<second>clip_g))")
_TEXT_PROJECTION = re.compile(r".*attn2[._](?:processor[._])?to_[kv]")


class _Changes(NamedTuple):
    """What a layer of a file changes."""

    weight: Optional[Change]
    bias: Optional[Change]


class Lora:
    """A LoRA file and its strength (1: as it was trained); ``words`` are the textual inversions that lie in it.

    Raises:
        InputError: the file cannot be read, or holds something else, or something that cannot be merged.
    """

    def __init__(self, file: Path, strength: float):
        self.file, self.strength = file, strength
        loaded = reading.read(file)
        _check_finite(file, loaded.tensors)
        layers, vectors = _sorted(file, loaded.tensors)
        self.words = tuple(Inversion(file, word, *arrays) for word, arrays in vectors.items())
        self._metadata = loaded.metadata
        alphas = Alphas(file, loaded.metadata)
        self._readings = _readings(file, layers, alphas)
        self._fingerprint = " ".join(map(fingerprint, (file, *alphas.files)))

    @property
    def mark(self) -> str:
        """Differs for different files and strengths."""
        return f"{self._fingerprint} * {self.strength}"

    def fit(self, names: LayerNames) -> dict[tuple[str, str], list[Change]]:
        """The changes by the network and the weight that they are for.

        Raises:
            InputError: parts of the file fit no layer, by name or shape.
        """
        places = {layer: names.find(layer) for layer in self._readings[0]}
        unknown = sorted(layer for layer, place in places.items() if place is None)
        if unknown:
            raise InputError(
                "E-LORA-UNKNOWN",
                "{complaint}: {layers}; {advice}",
                complaint=self._complaint(unknown),
                layers=listed(unknown),
                advice=self._advice(names),
            )
        known = {layer: place for layer, place in places.items() if place is not None}
        found, wrong = min((_fitted(known, reading) for reading in self._readings), key=lambda each: len(each[1]))
        if wrong:
            raise InputError(
                "E-LORA-SHAPES",
                "{complaint}, by their shapes: {layers}; {advice}",
                complaint=self._complaint(wrong),
                layers=listed(wrong),
                advice=self._advice(names),
            )
        return found

    def _complaint(self, wrong: Sequence[str | Message]) -> Message:
        family = self.family
        made = words("; it was made for {family}", family=family) if family else ""
        return words(
            "{file} does not fit the model{made}: {wrong} of its {layers} layers do not",
            file=self.file,
            made=made,
            wrong=len(wrong),
            layers=len(self._readings[0]),
        )

    def _advice(self, names: LayerNames) -> Message:
        """What to give instead, by the width of the text that the model's UNet attends to."""
        family = origin.WIDTHS.get(names.text_width or 0)
        if self.family == origin.MOTION:
            return words("give the motion module that it was made for, motion_module=... (--motion-module), beside it")
        if family:
            return words("give a LoRA made for {family}", family=family)
        return words("give a LoRA made for this model, or the model of the LoRA")

    @property
    def family(self) -> str | Message | None:
        """The family of models that the file was made for, as its names, remarks or shapes say."""
        layers = self._readings[0]
        reading = (found.weight for name, found in layers.items() if _TEXT_PROJECTION.fullmatch(name))
        widths = (change.shape[1] for change in reading if change and len(change.shape) > 1)
        known = next((origin.WIDTHS[width] for width in widths if width in origin.WIDTHS), None)
        return origin.family(layers, self._metadata) or known


def _check_finite(file: Path, tensors: Mapping[str, np.ndarray]) -> None:
    broken = next((name for name, array in tensors.items() if not np.isfinite(widen(array)).all()), None)
    if broken is not None:
        raise InputError(
            "E-LORA-INFINITE",
            "{file}: the numbers of {name} are not finite, so that the training failed: give an earlier state of it",
            file=file,
            name=broken,
        )


def _sorted(file: Path, tensors: Mapping[str, np.ndarray]) -> tuple[Mapping[str, Parts], dict[str, list[np.ndarray]]]:
    """The arrays of each layer, by what they are, and the vectors of words, for one text encoder after the other.

    Raises:
        InputError: there are others.
    """
    layers: dict[str, dict[str, np.ndarray]] = {}
    vectors: dict[tuple[str, bool], np.ndarray] = {}
    strange = []
    for key, array in tensors.items():
        layer, part = _part(key, tensors)
        if part:
            layers.setdefault(layer, {})[part] = array
        elif word := _WORD.fullmatch(key):
            vectors[word["word"], bool(word["second"])] = array
        else:
            strange.append(key)
    if strange or not layers:
        raise refusal(file, strange, bool(layers))
    order = sorted(vectors)
    return layers, {word: [vectors[each] for each in order if each[0] == word] for word, _ in order}


def _part(key: str, keys: Mapping[str, np.ndarray]) -> tuple[str, str | None]:
    """The layer and the part that an array is; None for what is none."""
    match = _PART.fullmatch(key)
    if not match:
        layer = key.removesuffix(_FACTOR)
        return layer, "weight" if layer != key and f"{layer}.on_input" in keys else None
    layer, low, *others = match.groups()
    if low:
        return layer, _LOW_RANK[low]
    return layer, "lora_up_bias" if match["bias"] else next(filter(None, others))


def _readings(file: Path, layers: Mapping[str, Parts], alphas: Alphas) -> list[dict[str, _Changes]]:
    """The changes of each layer, in PyTorch's layout and in Paddle's, as far as their shapes go together.

    Raises:
        InputError: they do in neither.
    """
    readings, errors = [], []
    for transposed in (False, True):
        try:
            readings.append({layer: _changes(layer, parts, alphas, transposed) for layer, parts in layers.items()})
        except ValueError as error:
            errors.append(error)
    if not readings:
        raise InputError(
            "E-LORA-MERGE",
            "{file} cannot be merged: {reason}; download this file again, or give another",
            file=file,
            reason=errors[0],
        )
    return readings


def _changes(layer: str, parts: Parts, alphas: Alphas, transposed: bool) -> _Changes:
    """Raises ValueError, which names the layer, for parts that do not go together."""
    if transposed:
        parts = {
            name: array.T if name in ("lora_down", "lora_up") and array.ndim == 2 else array
            for name, array in parts.items()
        }
    try:
        scale = _scale(layer, parts, alphas)
        found = _Changes(changes.of_weight(parts, scale), changes.of_bias(parts, scale))
    except ValueError as error:
        raise ValueError(f"{layer} has {error}") from None
    if found == (None, None):
        raise ValueError(f"{layer} has nothing but {', '.join(parts)}")
    return found


def _scale(layer: str, parts: Parts, alphas: Alphas) -> Scale:
    """The factor of a layer: alpha / rank, by the file's own alpha or what is said beside it, times its scalar."""
    scalar = _single(parts, "scalar") if "scalar" in parts else 1.0
    alpha = _single(parts, "alpha") if "alpha" in parts else 0.0  # 0 means the rank to those who train

    def scale(rank: int | None) -> float:
        if alpha:
            return scalar if rank is None else scalar * alpha / rank
        return scalar * alphas.scale(layer, rank)

    return scale


def _single(parts: Parts, name: str) -> float:
    if parts[name].size != 1:
        raise ValueError(f"no single number for {name}")
    return float(widen(parts[name]).item())


def _fitted(places: Mapping[str, Layer], layers: Mapping[str, _Changes]) -> tuple[dict, list[Message]]:
    """The changes by network and weight, and what is wrong with those that do not fit."""
    found: dict[tuple[str, str], list[Change]] = {}
    wrong = []
    for layer, place in places.items():
        for kind, change, shape in zip(("weight", "bias"), layers[layer], (place.shape, place.bias_shape)):
            if change is None:
                continue
            if shape is None:
                wrong.append(words("{layer} has no bias", layer=place.name))
            elif not change.fits(shape):
                given, wanted = _shape(change.shape), _shape(shape)
                wrong.append(
                    words(
                        "{layer} takes {wanted}, the file is for {given}", layer=place.name, wanted=wanted, given=given
                    )
                )
            else:
                found.setdefault((place.part, f"{place.name}.{kind}"), []).append(change)
    return found, wrong


def _shape(shape: Sequence) -> str:
    return str(list(shape)).replace("None", "?").replace("Ellipsis", "...")
