"""Which processor this machine has, for what depends on it."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
_NO_LIMIT = ("ALL", "DEFAULT")
# The extensions that decide how fast numbers of each kind are.
_WANTED = re.compile(r"avx2|fma|avx512\w*|avx_\w+|amx\w*|asimd\w*|sve\w*|bf16|i8mm")


def about() -> dict[str, str]:
    """All by which it decides how fast numbers of each kind are."""
    return {"processor": name(), "flags": flags(), "limit": limit()}


def name() -> str:
    """The model's name, and on a CPU of unknown kind that of its architecture."""
    return _field("model name") or platform.processor() or platform.machine()


def flags() -> str:
    """Its extensions for computing, by the kernel's names, separated by spaces; "" where they are not known."""
    found = _field("flags") or _field("Features")
    return " ".join(sorted(flag for flag in found.split() if _WANTED.fullmatch(flag)))


def limit() -> str:
    """The extensions beyond which the environment forbids oneDNN to go, which computes for OpenVINO; "" for none."""
    given = os.environ.get("ONEDNN_MAX_CPU_ISA") or os.environ.get("DNNL_MAX_CPU_ISA") or ""
    return "" if given.upper() in _NO_LIMIT else given.upper()


def is_held_back() -> bool:
    """Whether the environment forbids oneDNN the widest registers that the processor has, or all that it needs."""
    narrow = limit() and not limit().startswith("AVX512")
    return bool(narrow and ("avx512" in flags() or not limit().startswith("AVX2")))


def _field(wanted: str) -> str:
    lines = _CPUINFO.read_text(encoding="utf-8").splitlines() if _CPUINFO.exists() else []
    fields = (line.partition(":") for line in lines)
    return next((value.strip() for field, _, value in fields if field.strip() == wanted), "")
