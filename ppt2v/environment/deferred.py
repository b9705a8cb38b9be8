"""Modules that libraries import and seldom use, read when something in them is asked for: a start-up is quicker."""

from __future__ import annotations

import sys
import threading
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_DEFERRED = (
    "httpx",  # Paddle's, for downloads
    "numpy.f2py",  # SciPy's, since it is a name in NumPy
    "scipy.integrate",  # PPDiffusers', for a scheduler
)


class _Deferring(MetaPathFinder):
    """Finds these modules as others do, and has them read later."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if fullname not in _DEFERRED:
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        spec = next(filter(None, (finder.find_spec(fullname, path, target) for finder in others)), None)
        if spec is not None and spec.loader is not None:
            spec.loader = _Later(spec.loader)
        return spec


class _Later(Loader):
    """Gives a module that is read when it is asked for a name that it lacks.

    That of ``importlib.util`` does so at the second ``import`` already.
    """

    def __init__(self, own: Loader):
        self.own, self.lock, self.begun = own, threading.RLock(), False

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.own.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        def ask(name: str) -> Any:
            with self.lock:
                if not self.begun:
                    self._read(module)
            if vars(module).get("__getattr__") is ask:  # which it has asked for itself while it is read
                raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
            return getattr(module, name)

        vars(module)["__getattr__"] = ask

    def _read(self, module: ModuleType) -> None:
        ask, self.begun = vars(module)["__getattr__"], True
        try:
            self.own.exec_module(module)
        except BaseException:  # the next one who asks meets it too
            self.begun = False
            raise
        if vars(module)["__getattr__"] is ask:  # else the module has one of its own
            del vars(module)["__getattr__"]


def defer() -> None:
    """Does so for those that are not imported yet."""
    sys.meta_path.insert(0, _Deferring())
