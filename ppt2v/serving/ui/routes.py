"""What the page asks the server for beside Gradio's own requests: how jobs and downloads stand, videos and maps."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, HTTPException, Response
from fastapi.responses import FileResponse

from ppt2v import video
from ppt2v.serving.job import DONE, Job

from . import choices, panels
from .fetching import Downloads
from .visits import Visits
from .words import translator


def add_media(app: FastAPI, visits: Visits) -> None:
    """``/videos/ID`` and ``/maps/ID``; an id is a secret of those who asked for the job."""

    @app.get("/videos/{id}")
    def made(id: str) -> FileResponse:
        found = visits.finished([id])
        if not found:
            raise HTTPException(404)
        return FileResponse(found[0].path)

    @app.get("/maps/{id}")
    def control_map(id: str) -> Response:
        data = visits.control_map(_known(visits, id))
        if data is None:
            raise HTTPException(404)
        return Response(data, media_type="image/webp")


def add_states(app: FastAPI, language: str, visits: Visits, downloads: Downloads) -> None:
    """What a page in this language follows (``live``): its jobs and its downloads."""
    text, limits = translator(language), visits.jobs.limits

    @app.get(f"/{language}/jobs/{{id}}")
    def job(id: str) -> dict[str, Any]:
        found = _known(visits, id)
        recipe = video.read_recipe(found.path) if found.state == DONE else {}
        has_map = visits.control_map(found) is not None
        return {"parts": panels.parts(found, visits.ahead(found), has_map, recipe, text), "finished": found.finished}

    def download(name: str) -> dict[str, Any]:
        if not choices.is_downloaded(name, limits):
            return {"parts": {"download": ""}, "finished": True}
        state = downloads.state(name)
        shown = panels.download(state, choices.download_gb(name), text)
        return {"parts": {"download": shown}, "finished": False}

    def start(name: str) -> dict[str, Any]:
        if choices.is_downloaded(name, limits):
            downloads.start(name)
        return download(name)

    def cancel(name: str) -> dict[str, Any]:
        downloads.cancel(name)
        return download(name)

    for method, answer in ((app.get, download), (app.post, start), (app.delete, cancel)):
        method(f"/{language}/downloads/{{name:path}}")(answer)


def _known(visits: Visits, id: str) -> Job:
    found = visits.known([id])
    if not found:
        raise HTTPException(404)
    return found[0]
