"""Which processor this machine has, for what depends on it."""

from __future__ import annotations

import platform
import re
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
# The extensions that decide how fast numbers of each kind are.
_WANTED = re.compile(r"avx2|fma|avx512\w*|avx_\w+|amx\w*|asimd\w*|sve\w*|bf16|i8mm")


def name() -> str:
    """The model's name, and on a CPU of unknown kind that of its architecture."""
    return _field("model name") or platform.processor() or platform.machine()


def flags() -> str:
    """Its extensions for computing, by the kernel's names, separated by spaces; "" where they are not known."""
    found = _field("flags") or _field("Features")
    return " ".join(sorted(flag for flag in found.split() if _WANTED.fullmatch(flag)))


def _field(wanted: str) -> str:
    lines = _CPUINFO.read_text(encoding="utf-8").splitlines() if _CPUINFO.exists() else []
    fields = (line.partition(":") for line in lines)
    return next((value.strip() for field, _, value in fields if field.strip() == wanted), "")
