"""What PPDiffusers imports of huggingface_hub, in every release that ppt2v allows."""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder


class _BeforePPDiffusers(MetaPathFinder):
    """Finds no module itself; is asked first when PPDiffusers is imported, and then no more."""

    def find_spec(self, fullname: str, path=None, target=None) -> None:
        if fullname == "ppdiffusers" and self in sys.meta_path:
            sys.meta_path.remove(self)
            _complete()


def complete_for_ppdiffusers() -> None:
    """Gives huggingface_hub, once PPDiffusers is imported, the name ``cached_download``, which 0.26 dropped.

    PPDiffusers 0.29 does not import without it; it would call it for code that others keep on Hugging Face, which ppt2v
    never loads.
    """
    if "ppdiffusers" not in sys.modules:
        sys.meta_path.insert(0, _BeforePPDiffusers())


def _complete() -> None:
    try:
        import huggingface_hub
    except ModuleNotFoundError:
        return  # the import of PPDiffusers fails, and `ppt2v doctor` names what is missing
    if "cached_download" not in dir(huggingface_hub):
        huggingface_hub.cached_download = None
