"""Errors over HTTP: problem details (RFC 9457), which say what is wrong and nothing of the machine."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from ppt2v.errors import DiskFull, InputError, QueueFull
from ppt2v.language import Message, translated, words
from ppt2v.serving.fairness import RETRY_AFTER
from ppt2v.serving.refusals import Refusal
from ppt2v.serving.telling import without_folders

from .schema import Problem

ANYWHERE = (400, 401, 403, 413, 422)  # what any path may answer
MEDIA_TYPE = "application/problem+json"
_MOST_TOLD, _MOST_LETTERS = 5, 200  # of what is wrong with a request, and of each of that


class ProblemResponse(JSONResponse):
    """A problem, with the words of its status as the title, both in the language in force."""

    media_type = MEDIA_TYPE

    def __init__(self, status: int, told: Message, headers: dict[str, str] | None = None):
        title = translated(HTTPStatus(status).phrase)
        problem = Problem(title=title, status=status, detail=str(told), code=told.code)
        super().__init__(problem.model_dump(), status, headers)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems that a route answers, as FastAPI's ``responses`` take them."""
    content = {MEDIA_TYPE: {"schema": Problem.model_json_schema()}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def add_handlers(app: FastAPI) -> None:
    """Makes an app answer its errors as problems."""
    app.add_exception_handler(InputError, lambda _, error: ProblemResponse(422, error.message.changed(without_folders)))
    app.add_exception_handler(
        QueueFull, lambda _, error: ProblemResponse(503, error.message, {"Retry-After": RETRY_AFTER})
    )
    app.add_exception_handler(DiskFull, lambda _, error: ProblemResponse(507, error.message))
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _failed)


async def _invalid(_: Request, error: Any) -> ProblemResponse:
    errors = error.errors()
    told = [f"{_cut('.'.join(map(str, each['loc'][1:]))) or 'the body'}: {_cut(each['msg'])}" for each in errors]
    more = [words("and {number} more", number=len(told) - _MOST_TOLD)] if len(told) > _MOST_TOLD else []
    reasons = _writable("; ".join([*told[:_MOST_TOLD], *map(str, more)]))
    return ProblemResponse(422, Message("E-REQUEST", "{reasons}", reasons=reasons))


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_LETTERS else f"{text[:_MOST_LETTERS]} ..."


async def _refused(_: Request, error: Any) -> ProblemResponse:
    told = error.message if isinstance(error, Refusal) else Message(None, "{reason}", reason=error.detail)
    return ProblemResponse(error.status_code, told, error.headers)


async def _gone(_: Request, error: Exception) -> ProblemResponse:
    return ProblemResponse(400, Message("E-CONNECTION", "the connection broke off"))  # which nobody reads


async def _failed(_: Request, error: Exception) -> ProblemResponse:
    told = Message("E-SERVICE", "something went wrong that should not have; the log of the service says what")
    return ProblemResponse(500, told)


def _writable(text: str) -> str:
    """Without what no encoding has: keys in JSON may hold halves of characters."""
    return text.encode("utf-8", "replace").decode("utf-8")
