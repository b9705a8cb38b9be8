"""Refusals of requests over HTTP."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException

from ppt2v.language import Message


class Refusal(HTTPException):
    """A request that is not followed.

    Args:
        status: of the answer.
        code, template, values: of the message, as for ``Message``.
        headers: of the answer, beside its own.
    """

    def __init__(self, status: int, code: str, template: str, /, headers: dict[str, str] | None = None, **values: Any):
        self.message = Message(code, template, **values)
        super().__init__(status, str(self.message), headers)
