"""What PEFT says of scales beside the arrays: in the metadata that diffusers writes, or in a file of its own."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ppt2v.errors import InputError

_METADATA = "lora_adapter_metadata"  # JSON such as {"unet.lora_alpha": 8, ...}
_CONFIG, _WEIGHTS = "adapter_config.json", "adapter_model"  # of PEFT itself, without the names of networks
_BEGINNING = "base_model.model."


class Alphas:
    """The scales of a file's layers; ``files`` are those beside it that say something.

    Args:
        file: of the weights.
        metadata: that of the file.

    Raises:
        InputError: what is said is no JSON object.
    """

    def __init__(self, file: Path, metadata: Mapping[str, str]):
        self._file, self._said = file, {}
        self.files: tuple[Path, ...] = ()
        beside = file.with_name(_CONFIG)
        if _METADATA in metadata:
            self._said = self._parsed(metadata[_METADATA], _METADATA)
        elif file.stem == _WEIGHTS and beside.is_file():
            self._said, self.files = self._parsed(beside.read_bytes(), _CONFIG), (beside,)

    def scale(self, layer: str, rank: int | None) -> float:
        """The factor of a layer whose arrays have a rank; None: of a product of whole matrices.

        Raises:
            InputError: what is said cannot be used.
        """
        part, _, name = layer.partition(".")
        prefix = f"{part}." if any(key.startswith(f"{part}.") for key in self._said) else ""
        name = name if prefix else layer.removeprefix(_BEGINNING)
        width: float = rank or self._number(prefix, ("r",), "rank_pattern", name, 1)
        alpha = self._number(prefix, ("lora_alpha", "alpha"), "alpha_pattern", name, width)
        return alpha / (math.sqrt(width) if self._said.get(f"{prefix}use_rslora") else width)

    def _number(self, prefix: str, keys: tuple[str, ...], pattern: str, name: str, default: float) -> float:
        """What is said for all layers, or for those of the names in a pattern."""
        number = next((self._said[prefix + key] for key in keys if prefix + key in self._said), default)
        for key, own in dict(self._said.get(prefix + pattern) or {}).items():
            if self._means(key, name):
                number = own
        if type(number) not in (int, float) or not 0 < number < math.inf:
            raise InputError(
                "E-LORA-ALPHA",
                "{file}: {key} or {pattern} is {number!r}; the rule is a number above 0",
                file=self._file,
                key=keys[0],
                pattern=pattern,
                number=number,
            )
        return number

    def _means(self, key: str, name: str) -> bool:
        """Whether a key of a pattern, the end of a name or with ^ the whole, means a layer."""
        if not re.fullmatch(r"\^?[\w.\\-]+\$?", key):
            raise InputError(
                "E-LORA-PATTERN",
                "{file}: {key!r} in alpha_pattern or rank_pattern is an expression; only names are understood",
                file=self._file,
                key=key,
            )
        plain = key.strip("^$").replace("\\", "")
        return name == plain or (not key.startswith("^") and name.endswith(f".{plain}"))

    def _parsed(self, text: str | bytes, what: str) -> dict[str, Any]:
        try:
            said = json.loads(text)
        except ValueError:
            said = None
        if not isinstance(said, dict):
            raise InputError(
                "E-LORA-ALPHAS",
                "{file}: what is said of its alphas ({what}) is no JSON object",
                file=self._file,
                what=what,
            )
        return said
