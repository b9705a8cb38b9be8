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
from ppt2v.serving.fairness import RETRY_AFTER
from ppt2v.serving.telling import without_folders

from .schema import Problem

ANYWHERE = (400, 401, 403, 413, 422)  # what any path may answer
MEDIA_TYPE = "application/problem+json"
_MOST_TOLD, _MOST_LETTERS = 5, 200  # of what is wrong with a request, and of each of that


class ProblemResponse(JSONResponse):
    """A problem, with the words of its status as the title."""

    media_type = MEDIA_TYPE

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None):
        problem = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail)
        super().__init__(problem.model_dump(), status, headers)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems that a route answers, as FastAPI's ``responses`` take them."""
    content = {MEDIA_TYPE: {"schema": Problem.model_json_schema()}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def add_handlers(app: FastAPI) -> None:
    """Makes an app answer its errors as problems."""
    app.add_exception_handler(InputError, lambda _, error: ProblemResponse(422, without_folders(str(error))))
    app.add_exception_handler(
        QueueFull, lambda _, error: ProblemResponse(503, str(error), {"Retry-After": RETRY_AFTER})
    )
    app.add_exception_handler(DiskFull, lambda _, error: ProblemResponse(507, str(error)))
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _failed)


async def _invalid(_: Request, error: Any) -> ProblemResponse:
    errors = error.errors()
    told = [f"{_cut('.'.join(map(str, each['loc'][1:]))) or 'the body'}: {_cut(each['msg'])}" for each in errors]
    more = [f"and {len(told) - _MOST_TOLD} more"] if len(told) > _MOST_TOLD else []
    return ProblemResponse(422, _writable("; ".join(told[:_MOST_TOLD] + more)))


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_LETTERS else f"{text[:_MOST_LETTERS]} ..."


async def _refused(_: Request, error: Any) -> ProblemResponse:
    return ProblemResponse(error.status_code, str(error.detail), error.headers)


async def _gone(_: Request, error: Exception) -> ProblemResponse:
    return ProblemResponse(400, "the connection broke off")  # which nobody reads


async def _failed(_: Request, error: Exception) -> ProblemResponse:
    return ProblemResponse(500, "something went wrong that should not have; the log of the service says what")


def _writable(text: str) -> str:
    """Without what no encoding has: keys in JSON may hold halves of characters."""
    return text.encode("utf-8", "replace").decode("utf-8")
