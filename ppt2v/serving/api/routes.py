"""The routes of jobs."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any, List, Optional

from fastapi import FastAPI, Header, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import BaseModel

from ppt2v.errors import InputError
from ppt2v.language import translated
from ppt2v.modes import MODES, Mode
from ppt2v.parameters import holding
from ppt2v.serving import offers
from ppt2v.serving.fairness import client
from ppt2v.serving.job import DONE, Job, Terms
from ppt2v.serving.queue import Jobs
from ppt2v.serving.refusals import Refusal
from ppt2v.serving.uploads import Clips

from .problems import ANYWHERE, documented
from .schema import BINARY, PRIORITY, SEEDS, WEBHOOK, JobView, request_model, view
from .waiting import Changes, preferred_wait

_LAST = Annotated[int, Query(ge=1, le=1000, description="How many, at most.")]
_PREFER = Annotated[
    Optional[str],
    Header(description="wait=SECONDS: answer once the job is finished, or after so many, a minute at most."),
]
_MEDIA_TYPES = {"mp4": "video/mp4", "webm": "video/webm", "gif": "image/gif"}
_SIGN_OF_LIFE = 15  # seconds without an event, after which a comment is sent


class JobRoutes:
    """What the paths of jobs do."""

    def __init__(self, jobs: Jobs, clips: Clips, changes: Changes):
        self.jobs, self.clips, self.changes = jobs, clips, changes

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
                response_description="Accepted",
                responses={
                    200: {"model": _answer(row), "description": "Finished, for who prefers to wait"},
                    **documented(*ANYWHERE, 503, 507),
                },
            )
        app.add_api_route("/jobs/{mode}", self.no_mode, methods=["POST"], include_in_schema=False)
        app.add_api_route("/jobs", self.jobs_so_far, responses=documented(*ANYWHERE))
        app.add_api_route("/jobs/{id}", self.job, responses=documented(*ANYWHERE, 404))
        app.add_api_route(
            "/jobs/{id}",
            self.delete,
            methods=["DELETE"],
            responses={204: {"description": "Deleted"}, **documented(*ANYWHERE, 404)},
        )
        for path, route, media_types, failures in (
            ("/jobs/{id}/events", self.events, ["text/event-stream"], [404, 503]),
            ("/jobs/{id}/preview", self.preview, ["image/png"], [404, 409]),
            ("/jobs/{id}/result", self.result, _MEDIA_TYPES.values(), [404, 409, 410]),
        ):
            schema = {"type": "string"} if route == self.events else BINARY
            answered: dict[int | str, dict[str, Any]] = {
                200: {"content": {media_type: {"schema": schema} for media_type in media_types}}
            }
            app.add_api_route(
                path, route, response_class=Response, responses={**answered, **documented(*ANYWHERE, *failures)}
            )

    def _submitter(self, row: Mode) -> Callable[..., Any]:
        async def submit(asked: BaseModel, request: Request, response: Response, prefer: str | None = None) -> Any:
            values = asked.model_dump(exclude_unset=True)
            several = values.get(SEEDS) is not None
            terms = Terms(values.pop(WEBHOOK, None), client(request), values.pop(PRIORITY, 0))
            jobs = await run_in_threadpool(self._submitted, row, values, terms)
            ids = [job.id for job in jobs]
            jobs = await self._after_waiting(ids, prefer, response)
            if preferred_wait(prefer) and all(job.finished for job in jobs):
                response.status_code = 200
            if several:
                return self._views(jobs)
            response.headers["Location"] = f"/jobs/{ids[0]}"
            return self._view(jobs[0])

        submit.__annotations__ = {
            "asked": request_model(row, self.jobs.limits),
            "request": Request,
            "response": Response,
            "prefer": _PREFER,
            "return": _answer(row),
        }
        return submit

    def _submitted(self, row: Mode, values: dict[str, Any], terms: Terms) -> list[Job]:
        seeds = values.pop(SEEDS, None)
        if seeds is not None and values.get("seed") is not None:
            raise InputError("E-SEED-TWICE", "seed and seeds: give one of them")
        for name in holding(row.parameters, "clip"):
            if values.get(name) is not None:
                values[name] = self.clips.path(values[name])
        for name in holding(row.parameters, "model"):
            if values.get(name) is not None:
                values[name] = offers.named(values[name], self.jobs.limits)
        each = [values] if seeds is None else [{**values, "seed": seed} for seed in seeds]
        return self.jobs.submit_all(row.name, each, terms)

    async def _after_waiting(self, ids: list[str], prefer: str | None, response: Response) -> list[Job]:
        """The jobs as they stand once the client has waited as it prefers to."""
        seconds = preferred_wait(prefer)
        if seconds:
            response.headers["Preference-Applied"] = f"wait={seconds}"
            await self.changes.until_finished(ids, seconds)
        return [self._job(id) for id in ids]

    def no_mode(self, mode: str) -> None:
        """Says which modes there are."""
        raise Refusal(404, "E-MODE-PATH", "there is no such mode; there is {modes}", modes=MODES)

    def jobs_so_far(self, last: _LAST = 50) -> List[JobView]:
        """The last jobs, the newest first."""
        return self._views(self.jobs.all()[: -last - 1 : -1])

    async def job(self, id: str, response: Response, prefer: _PREFER = None) -> JobView:
        """How far a job is."""
        self._job(id)
        (job,) = await self._after_waiting([id], prefer, response)
        return self._view(job)

    def delete(self, id: str, response: Response) -> Optional[JobView]:
        """Stop a job: at once if it waits, at its next step if it runs. Delete it with its video if it is finished."""
        self._job(id)
        if self.jobs.delete(id):
            response.status_code = 204
            return None
        return self._view(self.jobs.cancel(id))

    def events(self, id: str) -> StreamingResponse:
        """How far a job is, whenever that changes, as server-sent events named by its state; the last one ends it."""
        self._job(id)
        self.changes.check_room()
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(self._told(id), media_type="text/event-stream", headers=headers)

    async def _told(self, id: str) -> AsyncIterator[str]:
        told = None
        with self.changes.watched() as changed:
            while not self.changes.ended:
                job = self._view(self._job(id))
                if job != told:
                    yield f"event: {job.state}\ndata: {job.model_dump_json()}\n\n"
                told = job
                if job.ended is not None:
                    return
                if not await changed(_SIGN_OF_LIFE):
                    yield ": goes on\n\n"

    def preview(self, id: str) -> Response:
        """The first frame of a running job as it stands, as a PNG."""
        from PIL import Image

        picture, file = self._job(id).preview, io.BytesIO()
        if picture is None:
            raise Refusal(409, "E-PREVIEW-NONE", "there is no preview: the job does not run, or has only begun")
        Image.fromarray(picture).save(file, format="PNG")
        return Response(file.getvalue(), media_type="image/png")

    def result(self, id: str) -> FileResponse:
        """The video of a job that is done."""
        job = self._job(id)
        if job.state != DONE:
            raise Refusal(409, "E-VIDEO-NOT-YET", "there is no video: the job is {state}", state=translated(job.state))
        if not job.path.is_file():
            raise Refusal(410, "E-VIDEO-DELETED", "the video was deleted; its job's parameters make it again")
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
            raise Refusal(404, "E-JOB-ID", "there is no job of that id") from None

    def _view(self, job: Job) -> JobView:
        return self._views([job])[0]

    def _views(self, jobs: list[Job]) -> list[JobView]:
        places = self.jobs.places()
        return [view(job, self.jobs.limits, places.get(job.id)) for job in jobs]


def _answer(row: Mode) -> Any:
    """The type of what a request for videos of a mode is answered."""
    return JobView | List[JobView] if row.has("seed") else JobView
