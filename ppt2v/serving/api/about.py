"""The routes that say what the service does, and how it is."""

from __future__ import annotations

from typing import Any, List

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response

from ppt2v.language import current
from ppt2v.modes import MODES, Mode
from ppt2v.serving import offers
from ppt2v.serving.job import RUNNING
from ppt2v.serving.metrics import MEDIA_TYPE, Metrics
from ppt2v.serving.queue import Jobs
from ppt2v.serving.refusals import Refusal
from ppt2v.version import __version__

from . import page
from .problems import ANYWHERE, documented
from .schema import Health, ModelView, ModeView, request_model

# The page asks for nothing, of nobody.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class AboutRoutes:
    """What the paths about the service do."""

    def __init__(self, jobs: Jobs, metrics: Metrics):
        self.jobs, self._metrics = jobs, metrics

    def add_to(self, app: FastAPI) -> None:
        """Gives an app its paths."""
        for path in ("/", "/docs"):
            app.add_api_route(path, self.page, response_class=HTMLResponse, include_in_schema=False)
        app.add_api_route("/modes", self.modes, responses=documented(*ANYWHERE))
        app.add_api_route("/models", self.models, responses=documented(*ANYWHERE))
        app.add_api_route("/health", self.health, responses=documented(*ANYWHERE, 503))
        text: dict[int | str, dict[str, Any]] = {200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}}
        responses = {**text, **documented(*ANYWHERE)}
        app.add_api_route("/metrics", self.metrics, response_class=Response, responses=responses)

    def page(self, request: Request) -> HTMLResponse:
        """This description, for people."""
        address = str(request.base_url).rstrip("/")
        return HTMLResponse(page.page(request.app.state.described(current()), address), headers=_HEADERS)

    def modes(self) -> List[ModeView]:
        """The modes, and what may be said of a video of each."""
        return [self._mode(row) for row in MODES.values()]

    def models(self) -> List[ModelView]:
        """The models that may be named, and what each brings along."""
        return [ModelView(**offer._asdict()) for offer in offers.offered(self.jobs.limits)]

    def health(self) -> Health:
        """How the service is: 503 where it makes no videos any more."""
        if not self.jobs.alive:
            raise Refusal(503, "E-QUEUE-STOPPED", "the queue has stopped: the service has to be started again")
        states = [job.state for job in self.jobs.all()]
        return Health(
            status="ok",
            version=__version__,
            running=states.count(RUNNING),
            queued=len(self.jobs.places()),
            capacity=self.jobs.capacity,
            workers=len(self.jobs.seats),
        )

    def metrics(self) -> Response:
        """Figures for Prometheus: the queue, jobs and why they failed, seconds per step, workers, memory."""
        return Response(self._metrics.text(), media_type=MEDIA_TYPE)

    def _mode(self, row: Mode) -> ModeView:
        return ModeView(
            name=row.name,
            summary=row.summary,
            path=f"/jobs/{row.name}",
            clip=row.takes_clip,
            model=row.default("model_name"),
            parameters=request_model(row, self.jobs.limits).model_json_schema()["properties"],
        )
