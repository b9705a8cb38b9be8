"""The weights of ModelScope's text-to-video synthesis under the names of its own files, and under those of diffusers.

Each of the three files has its own origin: the UNet ModelScope's, the autoencoder the first latent diffusion code
(``ldm_names``), the text encoder OpenCLIP (``openclip_names``). ``table`` is what one of these two gives.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from .ldm_names import renamed

Tensors = Mapping[str, np.ndarray]

# Convolutions of one point there, matrices in diffusers: the axes that they have more.
_POINTS = (
    (re.compile(r"(temp_attentions\.\d+|transformer_in)\.proj_(in|out)\.weight$"), 1),
    (re.compile(r"mid_block\.attentions\.0\.to_(q|k|v|out\.0)\.weight$"), 2),
)


def to_diffusers(tensors: Tensors, names: list[str], table: Mapping[str, str]) -> dict[str, np.ndarray]:
    """The tensors under those of ``names`` that they have; the rest of them keeps the names it has."""
    rest, found = dict(tensors), {}
    for name in names:
        theirs = renamed(name, table)
        if theirs in rest:
            array = rest.pop(theirs)
            found[name] = array.reshape(array.shape[: array.ndim - _extra_axes(name)])
    return {**found, **rest}


def to_original(tensors: Tensors, table: Mapping[str, str]) -> dict[str, np.ndarray]:
    """The other way round."""
    return {
        renamed(name, table): array.reshape(array.shape + (1,) * _extra_axes(name)) for name, array in tensors.items()
    }


def _extra_axes(name: str) -> int:
    return next((axes for pattern, axes in _POINTS if pattern.search(name)), 0)
