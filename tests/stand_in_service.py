"""The service over HTTP on a stand-in for the model, for tests of what it answers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from fastapi.testclient import TestClient
from stand_in_model import StandInModel

from ppt2v.serving.api.app import create_app
from ppt2v.serving.limits import Limits
from ppt2v.serving.makers import Here
from ppt2v.serving.queue import Jobs

ASKED = {"prompt": "a panda", "seed": 1}


@contextlib.contextmanager
def serving(
    folder: Path, model: StandInModel, token: str | None = None, capacity: int = 2, **limits
) -> Iterator[TestClient]:
    """A client of a service; its queue is ``jobs``, the lines of its log are ``lines``."""
    jobs, lines = Jobs(folder, [Here(model)], capacity=capacity, limits=Limits(upload_mb=1, **limits)), []
    app = create_app(jobs, token, write=lines.append)
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        client.jobs, client.lines = jobs, lines
        yield client
        model.go.set()


def problem(response, status: int) -> str:
    """The detail of a problem, which is well-formed and names no folder."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    said = response.json()
    assert said.keys() == {"type", "title", "status", "detail", "code"} and said["status"] == status
    assert "/root" not in said["detail"] and "/tmp" not in said["detail"]
    return said["detail"]
