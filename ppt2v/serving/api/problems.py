"""Errors over HTTP: problem details (RFC 9457), which say what is wrong and nothing of the machine."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from ppt2v.errors import DiskFull, InputError, QueueFull

from .schema import Problem

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = "30"  # seconds


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
    app.add_exception_handler(InputError, lambda _, error: ProblemResponse(422, str(error)))
    app.add_exception_handler(
        QueueFull, lambda _, error: ProblemResponse(503, str(error), {"Retry-After": RETRY_AFTER})
    )
    app.add_exception_handler(DiskFull, lambda _, error: ProblemResponse(507, str(error)))
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(Exception, _failed)


async def _invalid(_: Request, error: RequestValidationError) -> ProblemResponse:
    said = (f"{'.'.join(map(str, each['loc'][1:])) or 'the body'}: {each['msg']}" for each in error.errors())
    return ProblemResponse(422, _writable("; ".join(said)))


async def _refused(_: Request, error: HTTPException) -> ProblemResponse:
    return ProblemResponse(error.status_code, str(error.detail), error.headers)


async def _failed(_: Request, error: Exception) -> ProblemResponse:
    return ProblemResponse(500, "something went wrong that should not have; the log of the service says what")


def _writable(text: str) -> str:
    """Without what no encoding has: keys in JSON may hold halves of characters."""
    return text.encode("utf-8", "replace").decode("utf-8")
