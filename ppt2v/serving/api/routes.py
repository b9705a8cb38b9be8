"""The routes of the service over HTTP."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Annotated, Any, List

from fastapi import FastAPI, HTTPException, Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel

from ppt2v.modes import MODES, Mode
from ppt2v.parameters import holding
from ppt2v.serving.job import DONE, Job
from ppt2v.serving.queue import Jobs
from ppt2v.serving.uploads import Clips

from .problems import documented
from .schema import ClipView, JobView, request_model, view

_ANYWHERE = (400, 401, 403, 413, 422)
_BINARY = {"type": "string", "format": "binary"}
_CLIP_TYPE = "application/octet-stream"
_UPLOAD = {"requestBody": {"required": True, "content": {_CLIP_TYPE: {"schema": _BINARY}}}}
_LAST = Annotated[int, Query(ge=1, le=1000, description="How many, at most.")]
_MEDIA_TYPES = {"mp4": "video/mp4", "webm": "video/webm", "gif": "image/gif"}


class Routes:
    """What the paths do."""

    def __init__(self, jobs: Jobs, clips: Clips):
        self.jobs, self.clips = jobs, clips

    def add_to(self, app: FastAPI) -> None:
        """Gives an app its paths."""
        for row in MODES.values():
            app.add_api_route(
                f"/jobs/{row.name}",
                self._submitter(row),
                methods=["POST"],
                status_code=202,
                summary=row.summary,
                operation_id=f"submit-{row.name}",
                responses=documented(*_ANYWHERE, 503, 507),
            )
        app.add_api_route(
            "/clips",
            self.upload,
            methods=["POST"],
            status_code=201,
            openapi_extra=_UPLOAD,
            responses=documented(*_ANYWHERE, 415, 507),
        )
        app.add_api_route("/jobs", self.jobs_so_far, responses=documented(*_ANYWHERE))
        app.add_api_route("/jobs/{id}", self.job, responses=documented(*_ANYWHERE, 404))
        app.add_api_route("/jobs/{id}", self.cancel, methods=["DELETE"], responses=documented(*_ANYWHERE, 404))
        for path, route, media_types, failures in (
            ("/jobs/{id}/preview", self.preview, ["image/png"], [404, 409]),
            ("/jobs/{id}/result", self.result, _MEDIA_TYPES.values(), [404, 409, 410]),
        ):
            answered: dict[int | str, dict[str, Any]] = {
                200: {"content": {media_type: {"schema": _BINARY} for media_type in media_types}}
            }
            app.add_api_route(
                path, route, response_class=Response, responses={**answered, **documented(*_ANYWHERE, *failures)}
            )

    def _submitter(self, row: Mode) -> Callable[..., JobView]:
        def submit(asked: BaseModel, response: Response) -> JobView:
            values = asked.model_dump(exclude_unset=True)
            for name in holding(row.parameters, "clip"):
                if values.get(name) is not None:
                    values[name] = self.clips.path(values[name])
            job = self.jobs.submit(row.name, values)
            response.headers["Location"] = f"/jobs/{job.id}"
            return self._view(job)

        submit.__annotations__ = {
            "asked": request_model(row, self.jobs.limits),
            "response": Response,
            "return": JobView,
        }
        return submit

    async def upload(self, request: Request) -> ClipView:
        """Keep a clip: the body is the file itself (mp4, mov, webm, mkv, avi or gif)."""
        # Not one of the types that a page of another site may send without being asked about.
        if request.headers.get("Content-Type") != _CLIP_TYPE:
            raise HTTPException(415, f"the body is the file itself, with the header Content-Type: {_CLIP_TYPE}")
        self.jobs.check_disk()
        kept = await self.clips.keep(request.stream())
        return ClipView(id=kept.id, **kept.facts._asdict())

    def jobs_so_far(self, last: _LAST = 50) -> List[JobView]:
        """The last jobs, the newest first."""
        return [self._view(job) for job in self.jobs.all()[: -last - 1 : -1]]

    def job(self, id: str) -> JobView:
        """How far a job is."""
        return self._view(self._job(id))

    def cancel(self, id: str) -> JobView:
        """Stop a job: at once if it waits, at its next step if it runs."""
        return self._view(self.jobs.cancel(self._job(id).id))

    def preview(self, id: str) -> Response:
        """The first frame of a running job as it stands, as a PNG."""
        from PIL import Image

        picture, file = self._job(id).preview, io.BytesIO()
        if picture is None:
            raise HTTPException(409, "there is no preview: the job does not run, or has only begun")
        Image.fromarray(picture).save(file, format="PNG")
        return Response(file.getvalue(), media_type="image/png")

    def result(self, id: str) -> FileResponse:
        """The video of a job that is done."""
        job = self._job(id)
        if job.state != DONE:
            raise HTTPException(409, f"there is no video: the job is {job.state}")
        if not job.path.is_file():
            raise HTTPException(410, "the video was deleted; its job's parameters make it again")
        ending = job.path.suffix[1:]
        return FileResponse(
            job.path,
            media_type=_MEDIA_TYPES[ending],
            filename=f"{job.id}.{ending}",
            headers={"X-Content-Type-Options": "nosniff"},
        )

    def _job(self, id: str) -> Job:
        try:
            return self.jobs.get(id)
        except KeyError:
            raise HTTPException(404, "there is no job of that id") from None

    def _view(self, job: Job) -> JobView:
        return view(job, self.jobs.limits)
