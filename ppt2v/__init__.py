"""ppt2v: text to video on PaddlePaddle.

    from ppt2v import Model
    Model().process_text2video("an astronaut in outer space", save_path="astronaut.mp4")

Importing this package loads nothing heavy: Paddle and PPDiffusers are imported when a model is.
"""

from __future__ import annotations

import importlib
import zlib  # noqa: F401  (Paddle 2.6.2 brings an older zlib along, which breaks Python's when it is loaded first)

from .environment import deferred, huggingface, paddlenlp
from .environment.homes import lend_home
from .environment.shipped import PACKAGE
from .environment.threads import use_all_cores
from .version import __version__  # noqa: F401

__all__ = ["MODES", "InputError", "Model", "NumericalError", "OutputKeys", "pipeline"]

_HOMES = {
    "Model": ".model",
    "MODES": ".modes",
    "InputError": ".errors",
    "NumericalError": ".errors",
    "OutputKeys": ".hubs.modelscope",
    "pipeline": ".hubs.modelscope",
}

if not (PACKAGE / "pipelines").is_dir():  # a checkout, where they lie beside the package
    __path__.append(str(PACKAGE.parent))

use_all_cores()
lend_home()
huggingface.complete_for_ppdiffusers()
paddlenlp.import_in_parts()
deferred.defer()


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name], __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
