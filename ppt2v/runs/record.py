"""What is kept of a run: its recipe, and the settings of its checkpoint."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ppt2v.request.request import _CLIPS, _MODELS


def without_folders(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a recipe that strangers may read: files by their names alone."""
    return {
        name: Path(value).name if name in _CLIPS + _MODELS and os.path.isabs(value or "") else value
        for name, value in values.items()
    }


# Parameters that do not change what the networks compute, or only through the size and the number of the frames.
NOT_DECISIVE = (
    "chunk_size",
    "memory",
    "decode_tile",
    "offload",
    "fps",
    "audio",
    "watermark",
    "save_path",
    "save_format",
    "checkpoint_dir",
    "resolution",
    "fast",
)
