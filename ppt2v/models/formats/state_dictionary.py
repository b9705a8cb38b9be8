"""The state dictionary in what a pickle held."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ppt2v.errors import InputError

from .stand_ins import NumpyArray, Object, Tensor, kind_of

_PADDLE_NAME_TABLE = "StructuredToParameterName@@"
_STATE_DICTIONARIES = ("state_dict", "string_to_param")  # of PyTorch Lightning; of textual inversions
_PARAMETERS = "_parameters"  # where a torch.nn.ParameterDict keeps them


def state_dictionary(tree: Any, path: Path) -> dict[str, np.ndarray]:
    """The state dictionary in what a pickle held: the whole of it, or one of the entries in which it may be.

    Raises:
        InputError: anything but a dictionary of tensors.
    """
    for entry in _STATE_DICTIONARIES:
        if isinstance(tree, dict) and isinstance(_opened(tree.get(entry)), dict):
            tree = _opened(tree[entry])
    if not isinstance(tree, dict):
        raise InputError(
            "E-CHECKPOINT-CONTENT",
            "{path} holds a {kind}; a checkpoint is a dictionary of tensors",
            path=path,
            kind=kind_of(tree),
        )
    return {_text(name, path): _array(name, value, path) for name, value in tree.items() if name != _PADDLE_NAME_TABLE}


def _opened(value: Any) -> Any:
    """The parameters of a torch.nn.ParameterDict; else the value itself."""
    return value.state[_PARAMETERS] if isinstance(value, Object) and _PARAMETERS in value.state else value


def _text(name: Any, path: Path) -> str:
    if not isinstance(name, (str, int)):
        raise InputError(
            "E-CHECKPOINT-NAMES",
            "{path} holds a {kind} as a name; a checkpoint is a dictionary of tensors by name",
            path=path,
            kind=kind_of(name),
        )
    return str(name)


def _array(name: Any, value: Any, path: Path) -> np.ndarray:
    if isinstance(value, tuple) and len(value) == 2:  # paddle.save of a single tensor: its name and its array
        value = value[1]
    if isinstance(value, (Tensor, NumpyArray)):
        return value.array()
    raise InputError(
        "E-CHECKPOINT-REFUSED",
        "{path}: {name!r} is a {kind}, which is refused; a checkpoint may hold tensors only",
        path=path,
        name=name,
        kind=kind_of(value),
    )
