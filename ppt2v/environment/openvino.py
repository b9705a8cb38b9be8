"""OpenVINO without the package that reports each import to a web analytics service and marks the home folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_REPORTER = "openvino_telemetry"


def import_openvino():
    """OpenVINO; every module that uses it takes it from here, so that none is quicker."""
    with unreported():
        import openvino
        import openvino.opset15
    return openvino


@contextmanager
def unreported() -> Iterator[None]:
    """Hides the package that reports for a block: OpenVINO's packages do without it, for good, where it is missing."""
    absent = object()
    modules: dict[str, Any] = sys.modules
    before = modules.get(_REPORTER, absent)
    modules[_REPORTER] = None  # which makes an import of it fail
    try:
        yield
    finally:
        if before is absent:
            del modules[_REPORTER]
        else:
            modules[_REPORTER] = before
