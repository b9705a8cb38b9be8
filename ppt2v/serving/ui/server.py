"""The web server of the page: the languages, the finished videos, the password, and nothing from elsewhere."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ppt2v.environment.shipped import sample_clips
from ppt2v.language import preferred
from ppt2v.serving.admission import Door, password_secret
from ppt2v.serving.fairness import LimitedBodies
from ppt2v.serving.queue import Jobs
from ppt2v.serving.uploads import Clips, kept_tidy

from .fetching import Downloads
from .routes import add_media, add_states
from .uploads import MULTIPART, add_route
from .visits import Visits
from .words import LANGUAGES

# Gradio's page asks for a script and fonts of other servers; its scripts are inline, and evaluate.
_HEADERS = {
    "Content-Security-Policy": "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; frame-ancestors 'self'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


_UPLOADS_KEPT = 1  # days


def application(jobs: Jobs, auth: tuple[str, str] | None = None, port: int = 80) -> FastAPI:
    """What answers requests: ``/`` in the browser's language, ``/en/``, ``/zh/``, and what they ask
    for; one per process.

    Args:
        jobs: the queue; uploads are kept in its folder for a day.
        auth: user and password that every request must give; None: nobody is asked, and only requests to this machine
            by its own name are answered.
        port: at which the page is reached on this machine.
    """
    # Gradio reads these when it is imported, and when it builds a page.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["GRADIO_TEMP_DIR"] = str(jobs.folder / "uploads")
    uploads = Clips(jobs.folder / "uploads" / "clips", jobs.limits, _UPLOADS_KEPT)
    import gradio as gr

    from .look import look
    from .page import build

    app, visits, downloads = FastAPI(openapi_url=None, lifespan=lambda _: kept_tidy(uploads)), Visits(jobs), Downloads()
    app.get("/")(_to_language)
    add_media(app, visits)
    paths = [add_route(app, f"/{language}", jobs, uploads) for language in LANGUAGES]
    for language in LANGUAGES:
        # Gradio before 6.20 sends the browser to any address there (CVE-2026-59806).
        app.get(f"/{language}/gradio_api/file=http{{address:path}}")(_nowhere)
        add_states(app, language, visits, downloads)
        page = build(language, visits, partial(is_clip_of, [jobs.folder / "uploads", sample_clips()]))
        gr.mount_gradio_app(
            app,
            page,
            f"/{language}",
            root_path=f"/{language}",  # else it forgets where a sample's clip is
            footer_links=[],
            show_error=False,
            allowed_paths=[str(sample_clips())],
            max_file_size=jobs.limits.upload_mb * 10**6,  # which a browser looks at before it sends a file
            **look(language),
        )
        # Mounting leaves these out, and without them Gradio takes any file of the machine for an upload.
        page.has_launched = page.is_running = True
    app.add_middleware(LimitedBodies, most=dict.fromkeys(paths, jobs.limits.upload_mb * 10**6 + MULTIPART))
    app.add_middleware(Door, port=port, secret=None if auth is None else password_secret(*auth))
    app.add_middleware(_WithHeaders)
    return app


def _to_language(request: Request) -> RedirectResponse:
    return RedirectResponse(f"{preferred(request.headers.get('Accept-Language', ''))}/")


def _nowhere(address: str) -> None:
    raise HTTPException(404)


def is_clip_of(folders: Sequence[Path], path: str) -> bool:
    """Whether a path, which comes from a browser, is that of a file in one of these folders."""
    file = Path(path)
    return "\0" not in path and file.is_file() and any(each.resolve() in file.resolve().parents for each in folders)


class _WithHeaders:
    """Adds ``_HEADERS`` to every response."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = [(name.lower().encode(), value.encode()) for name, value in _HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        await self.app(scope, receive, send_with_headers)
