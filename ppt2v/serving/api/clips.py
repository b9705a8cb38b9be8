"""The routes of clips."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.datastructures import UploadFile

from ppt2v.modes import MODES
from ppt2v.parameters import holding
from ppt2v.serving.job import Job
from ppt2v.serving.queue import Jobs
from ppt2v.serving.refusals import Refusal
from ppt2v.serving.uploads import Clips, Kept, full_disk_told

from .problems import ANYWHERE, documented
from .schema import BINARY, ClipView

_FILE, _FORM = "application/octet-stream", "multipart/form-data"
_FIELD = "file"
_PIECE = 1 << 18  # bytes
_BODY: dict[str, Any] = {
    _FILE: {"schema": BINARY},
    _FORM: {"schema": {"type": "object", "properties": {_FIELD: BINARY}, "required": [_FIELD]}},
}


class ClipRoutes:
    """What the paths of clips do."""

    def __init__(self, jobs: Jobs, clips: Clips):
        self.jobs, self.clips = jobs, clips

    def add_to(self, app: FastAPI) -> None:
        """Gives an app its paths."""
        app.add_api_route(
            "/clips",
            self.upload,
            methods=["POST"],
            status_code=201,
            openapi_extra={"requestBody": {"required": True, "content": _BODY}},
            responses=documented(*ANYWHERE, 415, 507),
        )
        app.add_api_route(
            "/clips/{id}",
            self.delete,
            methods=["DELETE"],
            status_code=204,
            response_description="Deleted",
            responses=documented(*ANYWHERE, 404, 409),
        )

    async def upload(self, request: Request) -> ClipView:
        """Keep a clip (mp4, mov, webm, mkv, avi or gif): the body is the file itself, or a form with the file."""
        kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind not in _BODY:
            raise Refusal(
                415,
                "E-UPLOAD-TYPE",
                "the body is the file itself, with the header Content-Type: {file}, or a form ({form})",
                file=_FILE,
                form=_FORM,
            )
        self.jobs.check_disk()
        kept = await (self.clips.keep(request.stream()) if kind == _FILE else self._of_form(request))
        return ClipView(id=kept.id, **kept.facts._asdict())

    async def _of_form(self, request: Request) -> Kept:
        # A form is what a page of another site may send without being asked about; browsers say where it is from.
        if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            raise Refusal(403, "E-UPLOAD-FORM-SITE", "forms of other sites are not answered")
        with full_disk_told():
            async with request.form(max_files=1, max_fields=0) as form:
                file = form.get(_FIELD)
                if not isinstance(file, UploadFile):
                    raise Refusal(422, "E-UPLOAD-FIELD", "the form has no file under the name {name!r}", name=_FIELD)
                return await self.clips.keep(_pieces(file))

    def delete(self, id: str) -> Response:
        """Delete a clip that no job needs any more."""
        if any(not job.finished and id in _clips_of(job) for job in self.jobs.all()):
            raise Refusal(409, "E-UPLOAD-NEEDED", "a job still needs the clip: stop the job, or wait for it")
        if not self.clips.delete(id):
            raise Refusal(404, "E-CLIP-ID", "there is no clip of that id")
        return Response(status_code=204)


async def _pieces(file: UploadFile) -> AsyncIterator[bytes]:
    while piece := await file.read(_PIECE):
        yield piece


def _clips_of(job: Job) -> list[str]:
    """The ids of the clips that a job starts from."""
    named = (job.values.get(name) for name in holding(MODES[job.mode].parameters, "clip"))
    return [Path(path).name for path in named if path is not None]
