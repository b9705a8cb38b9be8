"""A folder of LoRA files and embeddings, from which those who have no say over the machine may choose."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from ppt2v.errors import InputError
from ppt2v.models.adapters import adapters, textual_inversion
from ppt2v.models.formats import reading
from ppt2v.models.layouts import contents

_ENDINGS = (".safetensors", ".pt", ".pth", ".bin", ".ckpt", ".pdparams")
_LORA, _EMBEDDING = "lora", "textual_inversion"  # the parameters that take them


class AdapterFolder:
    """The files of a folder and of those in it, each named by its path below it.

    Args:
        folder: which exists.

    Raises:
        InputError: there is no such folder.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder).expanduser().absolute()
        if not self.folder.is_dir():
            raise InputError(
                "E-ADAPTER-FOLDER", "{folder}: no such folder; give one with LoRA files and embeddings", folder=folder
            )

    def names(self, parameter: str) -> list[str]:
        """The names of the files for a parameter, as they are now."""
        files = sorted(file for file in self.folder.rglob("*") if file.suffix in _ENDINGS and file.is_file())
        return [str(file.relative_to(self.folder)) for file in files if _kind(file, file.stat().st_mtime) == parameter]

    def paths(self, texts: Sequence[str]) -> list[str]:
        """Texts of the form "NAME[:REST]" with the paths of the files; others stay as they are."""
        return [self._path(text) for text in texts]

    def shortened(self, texts: Sequence[str]) -> list[str]:
        """The reverse of ``paths``."""
        return [text.removeprefix(f"{self.folder}/") for text in texts]

    def holds(self, texts: Sequence[str]) -> bool:
        """Whether texts of the form "PATH[:REST]" name files of the folder alone."""
        files = [Path(path) for path in adapters.named(texts)]
        return all(file.is_file() and self.folder.resolve() in file.resolve().parents for file in files)

    def _path(self, text: str) -> str:
        for name in (text, text.rpartition(":")[0]):
            if name and (self.folder / name).is_file():
                return f"{self.folder}/{text}"
        return text


@lru_cache(maxsize=1024)
def _kind(file: Path, changed: float) -> str | None:
    """The parameter that a file is for; None: it is something else. ``changed``: when it was written."""
    try:
        if contents.describe(reading.read(file).tensors) == contents.LORA:
            return _LORA
        return _EMBEDDING if textual_inversion.read(file) else None
    except InputError:
        return None
