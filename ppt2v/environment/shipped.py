"""Where the files are that ship beside the code."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def shipped(package: str, assets: str) -> tuple[Path, Path]:
    """The places of a folder that ships: in an installed package, and in a checkout of the repository.

    Args:
        package: its name below ``ppt2v`` where pip installed it.
        assets: its name in ``__assets__``.
    """
    return PACKAGE / package, PACKAGE.parent / "__assets__" / assets


def sample_clips() -> Path:
    """The folder of the clips that ship."""
    return next(folder for folder in shipped("samples", "clips") if folder.is_dir())
