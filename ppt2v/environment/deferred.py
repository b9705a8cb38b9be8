"""Modules that libraries import and seldom use, read when something in them is asked for: a start-up is quicker."""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import LazyLoader
from typing import Any

_DEFERRED = ("scipy.integrate",)  # PPDiffusers', for a scheduler


class _Deferring(MetaPathFinder):
    """Finds these modules as others do, and has them read later."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if fullname not in _DEFERRED:
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        spec = next(filter(None, (finder.find_spec(fullname, path, target) for finder in others)), None)
        if spec is not None and spec.loader is not None:
            spec.loader = LazyLoader(spec.loader)
        return spec


def defer() -> None:
    """Does so for those that are not imported yet."""
    sys.meta_path.insert(0, _Deferring())
