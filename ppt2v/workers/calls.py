"""A call, where the worker is."""

from __future__ import annotations

import traceback
from typing import Any

from ppt2v.errors import InputError, NumericalError

from .pool import Answer, Parcelled


def answered(worker: Any, method: str, arguments: tuple) -> Answer:
    """What a worker makes of a call, whatever goes wrong; the parcel as it is."""
    try:
        made = getattr(worker, method)(*arguments)
    except (InputError, NumericalError) as error:
        return Answer(error=error)
    except Exception:  # a fault of ppt2v's own, to be shown where the person is
        return Answer(error=RuntimeError(traceback.format_exc()))
    return Answer(*made) if isinstance(made, Parcelled) else Answer(made)
