"""PaddleNLP without what ppt2v has no use for: its tasks, data sets, metrics and server are imported when asked for."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import sys
import threading
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_PACKAGE = "paddlenlp"
_FIRST = "paddlenlp.data"  # and with it paddlenlp.transformers, which makes a circle with it


class _InParts(MetaPathFinder, Loader):
    """Imports the package as far as ``_FIRST`` needs it; the rest, in the package's own order, when asked for."""

    def __init__(self) -> None:
        self.own: Loader | None = None  # the package's
        self.lock, self.begun, self.whole = threading.RLock(), False, False

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if fullname == _PACKAGE and self.own is None:
            return self._package()
        if fullname.rpartition(".")[0] != _PACKAGE or self.whole or not self.begun:
            return None
        self._complete()
        module = sys.modules.get(fullname)
        return None if module is None else ModuleSpec(fullname, _Imported(module))

    def create_module(self, spec: ModuleSpec) -> None:
        """The usual one."""

    def exec_module(self, module: ModuleType) -> None:
        import paddle

        vars(module).update(__version__=importlib.metadata.version(_PACKAGE), __getattr__=self._ask)
        importlib.import_module(_FIRST)
        paddle.disable_signal_handler()  # as the package does
        self.begun = True

    def _package(self) -> ModuleSpec | None:
        others = (finder for finder in sys.meta_path if finder is not self)
        spec = next(filter(None, (finder.find_spec(_PACKAGE, None) for finder in others)), None)
        if spec is not None and spec.loader is not None:
            self.own, spec.loader = spec.loader, self
        return spec

    def _complete(self) -> None:
        with self.lock:
            if self.begun and not self.whole:
                self.whole = True
                assert self.own is not None
                self.own.exec_module(sys.modules[_PACKAGE])

    def _ask(self, name: str) -> Any:
        """An attribute that the package lacks so far."""
        if not name.startswith("__"):
            self._complete()
        found = vars(sys.modules[_PACKAGE])
        if name not in found:
            raise AttributeError(f"module {_PACKAGE!r} has no attribute {name!r}")
        return found[name]


class _Imported(Loader):
    """Gives a module that was imported while it was looked for."""

    def __init__(self, module: ModuleType):
        self.module = module

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self.module

    def exec_module(self, module: ModuleType) -> None:
        """Done already."""


def import_in_parts() -> None:
    """Makes an import of PaddleNLP take what is used of it alone.

    The package imports all of itself, and with it datasets, pandas, scikit-learn and FastAPI. ``paddlenlp.Taskflow``
    and all else is there as ever; it is imported at its first use.
    """
    if _PACKAGE not in sys.modules:
        sys.meta_path.insert(0, _InParts())
