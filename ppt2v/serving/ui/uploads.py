"""Uploads of the page: Gradio's own route would keep whatever comes, and leave what it refuses in temporary files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import PurePath

from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse, Response
from python_multipart.exceptions import FormParserError
from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect

from ppt2v.errors import DiskFull, InputError
from ppt2v.serving.queue import Jobs
from ppt2v.serving.refusals import Refusal
from ppt2v.serving.telling import without_folders
from ppt2v.serving.uploads import Clips, full_disk_told

MULTIPART = 20_000  # bytes of a request beside the file
_PIECE = 2**20  # bytes
_ENDINGS = (".mp4", ".mov", ".webm", ".mkv", ".avi", ".gif")


def add_route(app: FastAPI, page: str, jobs: Jobs, clips: Clips) -> str:
    """Takes over the uploads of a page that is mounted there afterwards; gives their path.

    A request has one clip, which is looked at before it is kept.
    """

    async def upload(request: Request) -> list[str]:
        jobs.check_disk()
        with full_disk_told():
            form = await request.form(max_files=1, max_fields=1)
        try:
            file = form.get("files")
            if not isinstance(file, UploadFile):
                raise InputError("E-UPLOAD-NO-FILE", "the body holds no file")
            if file.size > clips.limits.upload_mb * 10**6:
                most = clips.limits.upload_mb
                raise Refusal(413, "E-UPLOAD-LARGE", "the file is too large: the most here is {most} MB", most=most)
            kept = clips.path((await clips.keep(_pieces(file))).id)
            return [str(kept.rename(kept.with_suffix(_ending(file.filename))))]
        finally:
            await form.close()

    path = f"{page}/gradio_api/upload"
    app.post(path)(upload)
    for error, status in ((InputError, 422), (DiskFull, 507), (FormParserError, 400), (ClientDisconnect, 400)):
        app.add_exception_handler(error, _refusal(status))
    return path


def _ending(name: str | None) -> str:
    """That of the file's name, by which the page shows the clip again."""
    ending = PurePath(name or "").suffix.lower()
    return ending if ending in _ENDINGS else ""


async def _pieces(file: UploadFile) -> AsyncIterator[bytes]:
    while piece := await file.read(_PIECE):
        yield piece


def _refusal(status: int) -> Callable[[Request, Exception], Response]:
    return lambda _, error: PlainTextResponse(without_folders(str(error)), status)
