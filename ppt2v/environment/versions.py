"""What is installed, without importing it."""

from __future__ import annotations

from importlib import metadata

from ppt2v.version import __version__

PADDLES = ("paddlepaddle", "paddlepaddle-gpu")


def installed() -> dict[str, str]:
    """The versions of what takes part in making a video, by the names that recipes use."""
    distributions = {"paddle": paddle(), "ppdiffusers": "ppdiffusers", "openvino": "openvino"}
    versions = {name: version_of(distribution) for name, distribution in distributions.items()}
    return {"ppt2v": __version__, **{name: found for name, found in versions.items() if found}}


def paddle() -> str:
    """The distribution of Paddle that is installed, else that of its CPU build."""
    return next((name for name in PADDLES if version_of(name)), PADDLES[0])


def version_of(distribution: str) -> str | None:
    """The version of a distribution; None where it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
