"""What the libraries warn and log about stays away; what ppt2v and the user's own code warn of does not."""

from __future__ import annotations

import logging
import warnings

import pytest

from ppt2v.environment.quiet import quiet_libraries

MINE, THEIRS = "__main__", "paddlenlp.utils"


def warn(module: str) -> None:
    warnings.warn_explicit("take care", UserWarning, "file.py", 1, module)


@pytest.fixture
def logged(monkeypatch) -> list[str]:
    """What PaddleNLP's logger lets through, also where a process of ppt2v's own was begun here, which wants no more."""
    monkeypatch.setattr(logging.root.manager, "disable", logging.NOTSET)
    messages: list[str] = []
    logger = logging.getLogger("PaddleNLP")
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield messages
    logger.removeHandler(handler)
    logger.setLevel(level)


def test_only_warnings_of_the_libraries_are_ignored(monkeypatch):
    monkeypatch.setattr("sys.warnoptions", [])
    with pytest.warns(UserWarning) as caught:
        with quiet_libraries():
            warn(THEIRS)
            warn(MINE)
        warn(THEIRS)
    assert len(caught) == 2


def test_what_python_says_while_it_compiles_a_library_is_ignored(monkeypatch):
    monkeypatch.setattr("sys.warnoptions", [])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with quiet_libraries():
            warnings.warn_explicit("invalid escape sequence", SyntaxWarning, "/lib/paddlenlp/model_utils.py", 1)
    assert not caught


def test_the_users_options_win(monkeypatch):
    monkeypatch.setattr("sys.warnoptions", ["always"])
    with pytest.warns(UserWarning), quiet_libraries():
        warn(THEIRS)


def test_notices_stay_away_until_the_outermost_block_ends(logged):
    logger = logging.getLogger("PaddleNLP")
    with quiet_libraries():
        with quiet_libraries():
            logger.info("inner")
        logger.info("outer")
        logger.warning("serious")
    logger.info("after")
    assert logged == ["serious", "after"]
