"""The service over HTTP: a route for each mode, its requests as ``modes.MODES`` describes them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI
from fastapi.concurrency import run_in_threadpool

from ppt2v.serving.admission import admission
from ppt2v.serving.queue import Jobs
from ppt2v.serving.uploads import Clips
from ppt2v.version import __version__

from . import problems
from .bodies import LimitedBodies
from .routes import Routes


def create_app(jobs: Jobs, token: str | None = None) -> FastAPI:
    """The service.

    Args:
        jobs: with limits; closed with the app.
        token: what a request has to bring along, as "Authorization: Bearer TOKEN"; None: only requests to this machine
            by its own name are answered, so that no web page can make a browser ask.
    """

    @asynccontextmanager
    async def until_the_end(_: FastAPI) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(jobs.close)

    app = FastAPI(
        title="ppt2v",
        version=__version__,
        summary="Text to video on PaddlePaddle.",
        lifespan=until_the_end,
        docs_url=None,
        redoc_url=None,  # pages that load their scripts from elsewhere
        dependencies=[Depends(admission(token))],
    )
    app.add_middleware(LimitedBodies, most={"/clips": jobs.limits.upload_mb * 10**6})
    problems.add_handlers(app)
    Routes(jobs, Clips(jobs.folder / "clips", jobs.limits, jobs.keep_days)).add_to(app)
    return app
