"""The service over HTTP: a route for each mode, its requests as ``modes.MODES`` describes them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPBearer

from ppt2v.language import speaking
from ppt2v.serving.admission import Door, token_secret
from ppt2v.serving.fairness import LimitedBodies, LimitedRequests
from ppt2v.serving.metrics import Metrics
from ppt2v.serving.queue import Jobs
from ppt2v.serving.record import LoggedJobs, LoggedRequests, Write, to_standard_error
from ppt2v.serving.spoken import Spoken
from ppt2v.serving.uploads import Clips, kept_tidy
from ppt2v.serving.webhooks import Webhooks
from ppt2v.version import __version__

from . import problems
from .about import AboutRoutes
from .clips import ClipRoutes
from .routes import JobRoutes
from .schema import view
from .waiting import Changes


def create_app(jobs: Jobs, token: str | None = None, port: int = 80, write: Write = to_standard_error) -> FastAPI:
    """The service.

    Args:
        jobs: with limits; closed with the app.
        token: what a request has to bring along, as "Authorization: Bearer TOKEN"; None: only requests to this machine
            by its own name are answered.
        port: at which the service is reached on this machine.
        write: takes a line for each request and for each job.

    Returns:
        The app. ``state.described`` gives its OpenAPI description in a language. ``state.changes.end`` is to be called
        when the server begins to end, which waits for all requests.
    """
    clips, changes = Clips(jobs.folder / "clips", jobs.limits, jobs.keep_days), Changes(jobs)
    webhooks, metrics = Webhooks(lambda job: view(job, jobs.limits, None).model_dump_json()), Metrics(jobs)
    jobs.listeners += [LoggedJobs(write), webhooks, metrics]

    @asynccontextmanager
    async def until_the_end(_: FastAPI) -> AsyncIterator[None]:
        async with kept_tidy(clips):
            yield
        await run_in_threadpool(jobs.close)

    all_routes = JobRoutes(jobs, clips, changes), ClipRoutes(jobs, clips), AboutRoutes(jobs, metrics)

    def routed(**about: Any) -> FastAPI:
        app = FastAPI(title="ppt2v", version=__version__, summary="Text to video on PaddlePaddle.", **about)
        for routes in all_routes:
            routes.add_to(app)
        return app

    @lru_cache
    def described(language: str) -> dict[str, Any]:
        with speaking(language):
            return routed().openapi()

    no_pages = {"docs_url": None, "redoc_url": None}  # they load their scripts from elsewhere
    dependencies = [] if token is None else [Depends(HTTPBearer(auto_error=False))]  # the door asks for it
    with speaking("en"):
        app = routed(lifespan=until_the_end, dependencies=dependencies, **no_pages)
    app.state.described = described
    app.state.changes = changes
    app.add_middleware(LimitedBodies, most={"/clips": jobs.limits.upload_mb * 10**6})
    app.add_middleware(LimitedRequests, refuse=problems.ProblemResponse)
    secret = None if token is None else token_secret(token)
    app.add_middleware(Door, port=port, secret=secret, refuse=problems.ProblemResponse)
    app.add_middleware(LoggedRequests, write=write)
    app.add_middleware(Spoken)
    problems.add_handlers(app)
    return app
