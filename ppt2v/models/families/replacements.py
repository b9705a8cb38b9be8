"""What is used instead of what a model has of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Replacements(NamedTuple):
    """Names as they were given, of which None stands for the model's own; see ``load_stable_diffusion``."""

    tokenizer: str | None = None
    vae: str | None = None
    prediction_type: str | None = None

    @classmethod
    def among(cls, values: Mapping[str, Any]) -> Replacements:
        """Those among the values of a run's parameters."""
        return cls(*(values.get(name) for name in cls._fields))
