"""The service over HTTP: a route for each mode, its requests as ``modes.MODES`` describes them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPBearer

from ppt2v.serving.admission import Door, token_secret
from ppt2v.serving.fairness import LimitedBodies, LimitedRequests
from ppt2v.serving.queue import Jobs
from ppt2v.serving.uploads import Clips, kept_tidy
from ppt2v.version import __version__

from . import problems
from .routes import Routes


def create_app(jobs: Jobs, token: str | None = None, port: int = 80) -> FastAPI:
    """The service.

    Args:
        jobs: with limits; closed with the app.
        token: what a request has to bring along, as "Authorization: Bearer TOKEN"; None: only requests to this machine
            by its own name are answered.
        port: at which the service is reached on this machine.
    """
    clips = Clips(jobs.folder / "clips", jobs.limits, jobs.keep_days)

    @asynccontextmanager
    async def until_the_end(_: FastAPI) -> AsyncIterator[None]:
        async with kept_tidy(clips):
            yield
        await run_in_threadpool(jobs.close)

    described = [] if token is None else [Depends(HTTPBearer(auto_error=False))]  # the door asks for it
    app = FastAPI(
        title="ppt2v",
        version=__version__,
        summary="Text to video on PaddlePaddle.",
        lifespan=until_the_end,
        docs_url=None,
        redoc_url=None,  # pages that load their scripts from elsewhere
        dependencies=described,
    )
    app.add_middleware(LimitedBodies, most={"/clips": jobs.limits.upload_mb * 10**6})
    app.add_middleware(LimitedRequests, refuse=problems.ProblemResponse)
    secret = None if token is None else token_secret(token)
    app.add_middleware(Door, port=port, secret=secret, refuse=problems.ProblemResponse)
    problems.add_handlers(app)
    Routes(jobs, clips).add_to(app)
    return app
