"""The recipe that is kept in a video's file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ppt2v.errors import InputError


def read_recipe(path: str | Path) -> dict[str, Any]:
    """The recipe that ``write`` put into a file or PNG folder; InputError where there is none."""
    path = Path(path)
    if not path.exists():
        raise InputError("E-VIDEO-MISSING", "{path} does not exist: give a video that ppt2v has written", path=path)
    try:
        recipe = json.loads(_recipe_text(path))
    except (OSError, SyntaxError, ValueError):
        recipe = None
    if not isinstance(recipe, dict):
        raise InputError(
            "E-VIDEO-NO-RECIPE",
            "{path} holds no recipe: it was not written by ppt2v, or was converted since",
            path=path,
        )
    return recipe


def _recipe_text(path: Path) -> str | bytes:
    if path.is_dir():
        return (path / "recipe.json").read_bytes()
    if path.suffix.lower() == ".gif":
        from PIL import Image

        with Image.open(path) as image:
            return image.info.get("comment", b"")
    import av

    with av.open(str(path)) as container:
        return {key.lower(): text for key, text in container.metadata.items()}.get("comment", "")
