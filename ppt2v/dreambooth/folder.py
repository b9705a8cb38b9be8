"""The folder that a training writes: its state while it runs, the whole model at its end."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from ppt2v.errors import InputError

STATE, CLASS_PICTURES = "training", "class_images"
_PARTIAL = "model.partial"
_INDEX = "model_index.json"


def check_folder(out: str | Path, resume: bool) -> Path:
    """The folder to write.

    Raises:
        InputError: it cannot be written, or holds something else than, with ``resume``, an unfinished training.
    """
    folder = Path(os.path.expanduser(out)).absolute()
    if folder.exists() and not folder.is_dir():
        raise InputError("E-FOLDER-IS-FILE", "{folder} is a file: give the name of a folder", folder=folder)
    if not folder.parent.is_dir():
        raise InputError(
            "E-FOLDER-MISSING",
            "{path} cannot be written: there is no folder {parent}; make it first",
            path=folder,
            parent=folder.parent,
        )
    place = folder if folder.exists() else folder.parent
    if not os.access(place, os.W_OK | os.X_OK):
        raise InputError(
            "E-FOLDER-FORBIDDEN",
            "{path} cannot be written: no permission to write in {folder}",
            path=folder,
            folder=place,
        )
    names = sorted(entry.name for entry in folder.iterdir()) if folder.exists() else []
    if names and STATE not in names:
        raise InputError(
            "E-TRAINING-FOLDER-FULL",
            "the folder {folder} is not empty and holds no unfinished training (it has {names}): give a new folder",
            folder=folder,
            names=names[:4],
        )
    if names and not resume:
        raise InputError(
            "E-TRAINING-UNFINISHED",
            "{folder} holds an unfinished training: go on with it (resume), or give a new folder",
            folder=folder,
        )
    return folder


def write_model(pipe, base: Path, folder: Path, recipe: dict[str, Any]) -> None:
    """Writes a model with the defaults of the one that it was made from; only a complete one can be loaded.

    Args:
        pipe: a StableDiffusionPipeline.
        base: folder of the model that it was made from.
        recipe: how it was made, as JSON values; kept in dreambooth.json.
    """
    part = folder / _PARTIAL
    shutil.rmtree(part, ignore_errors=True)
    pipe.save_pretrained(str(part), safe_serialization=True)
    if (base / "ppt2v.json").exists():
        shutil.copyfile(base / "ppt2v.json", part / "ppt2v.json")
    (part / "dreambooth.json").write_text(json.dumps(recipe, indent=2) + "\n", encoding="utf-8")
    for entry in sorted(part.iterdir(), key=lambda entry: entry.name == _INDEX):  # without the index it is no model
        if (folder / entry.name).is_dir():
            shutil.rmtree(folder / entry.name)
        os.replace(entry, folder / entry.name)
    part.rmdir()
