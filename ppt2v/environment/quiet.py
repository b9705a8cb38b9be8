"""Keeps from the user what libraries warn and log about and only their own developers can change."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from ppt2v.errors import Notice
from ppt2v.language import Message, words

_PACKAGES = r"paddle|ppdiffusers|gradio|_distutils_hack|pkg_resources|tqdm\.auto"


def ignore_library_warnings() -> None:
    """Ignores their warnings from here on; the user's -W, PYTHONWARNINGS and GLOG_minloglevel win."""
    os.environ.setdefault("GLOG_minloglevel", "2")  # read by Paddle's C++ part when it is loaded
    if not sys.warnoptions:
        warnings.filterwarnings("ignore", module=_PACKAGES)
        warnings.filterwarnings("ignore", category=SyntaxWarning)  # at the first start, which compiles them


def quiet_process() -> None:
    """Keeps a process of ppt2v's own to one line for each warning, and to what the user can change."""
    logging.disable(logging.INFO)
    warnings.formatwarning = lambda message, *_: f"{warning(message)}\n"
    ignore_library_warnings()


def warning(message: Warning | str) -> Message:
    """The line that tells of it."""
    if isinstance(message, Notice):
        return words("Warning: {message} [{code}]", message=message, code=message.code)
    return words("Warning: {message}", message=message)


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Ignores their warnings, and PaddleNLP's notes on each file, for a block or a function that it decorates."""
    logger = logging.getLogger("PaddleNLP")  # which writes to standard error by itself, at every level

    def is_serious(record: logging.LogRecord) -> bool:  # another function for each block, so that blocks may be nested
        return record.levelno >= logging.WARNING

    logger.addFilter(is_serious)
    try:
        with warnings.catch_warnings():
            ignore_library_warnings()
            yield
    finally:
        logger.removeFilter(is_serious)
