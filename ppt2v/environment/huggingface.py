"""What PPDiffusers imports of huggingface_hub, in every release that ppt2v allows."""

from __future__ import annotations


def complete() -> None:
    """Gives huggingface_hub the name ``cached_download``, which 0.26 dropped.

    PPDiffusers 0.29 does not import without it; it would call it for code that others keep on Hugging Face, which ppt2v
    never loads.
    """
    try:
        import huggingface_hub
    except ModuleNotFoundError:
        return  # the import of PPDiffusers fails, and `ppt2v doctor` names what is missing
    if "cached_download" not in dir(huggingface_hub):
        huggingface_hub.cached_download = None
