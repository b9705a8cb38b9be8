"""Clients that wait for a job: with one request, or with events."""

from __future__ import annotations

import json
import threading
import time

import pytest
from stand_in_model import STEPS, StandInModel
from stand_in_service import ASKED, problem, serving

from ppt2v.serving.api import waiting
from ppt2v.serving.api.waiting import preferred_wait


@pytest.fixture
def model():
    return StandInModel()


@pytest.fixture
def client(tmp_path, model):
    with serving(tmp_path / "out", model) as opened:
        yield opened


@pytest.fixture
def waiting_job(client, model):
    """The id of one that runs, and waits before its first step."""
    model.go.clear()
    return client.post("/jobs/text2video", json=ASKED).json()["id"]


def soon(happen) -> None:
    threading.Timer(0.2, happen).start()


def events(text: str) -> list[tuple[str, dict]]:
    """Name and job of each event."""
    blocks = [block.split("\n") for block in text.split("\n\n") if block and not block.startswith(":")]
    assert all(name.startswith("event: ") and data.startswith("data: ") for name, data in blocks)
    return [(name[7:], json.loads(data[6:])) for name, data in blocks]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("wait=30", 30),
        ("respond-async, wait=5", 5),
        ('Wait = "7"; x=y', 7),
        ("wait=999999999", waiting.MOST_SECONDS),
        ("wait=-1", 0),
        ("wait=1e3", 0),
        ("wait", 0),
        ("nowait=3", 0),
        ("", 0),
        (None, 0),
    ],
)
def test_what_is_preferred(header, seconds):
    assert preferred_wait(header) == seconds


def test_a_request_that_prefers_to_wait_is_answered_with_the_finished_job(client, model):
    soon(model.go.set)
    model.go.clear()
    done = client.post("/jobs/text2video", json=ASKED, headers={"Prefer": "wait=60"})
    assert (done.status_code, done.json()["state"]) == (200, "done")
    assert done.headers["Preference-Applied"] == "wait=60"
    both = client.post("/jobs/text2video", json={"prompt": "a fox", "seeds": [1, 2]}, headers={"Prefer": "wait=60"})
    assert (both.status_code, [job["state"] for job in both.json()]) == (200, ["done", "done"])


def test_a_job_that_takes_longer_is_answered_as_it_stands(client, model, waiting_job):
    asked = client.post("/jobs/text2video", json=ASKED, headers={"Prefer": "wait=1"})
    assert (asked.status_code, asked.json()["state"], asked.json()["place"]) == (202, "queued", 1)
    soon(model.go.set)
    assert client.get(f"/jobs/{waiting_job}", headers={"Prefer": "wait=60"}).json()["state"] == "done"


def test_who_does_not_wait_is_answered_at_once(client, waiting_job):
    answer = client.get(f"/jobs/{waiting_job}")
    assert answer.json()["state"] in ("queued", "running") and "Preference-Applied" not in answer.headers
    problem(client.get("/jobs/0", headers={"Prefer": "wait=60"}), 404)


def test_events_tell_how_far_a_job_is_and_end_with_it(client, model, waiting_job):
    soon(model.go.set)
    told = client.get(f"/jobs/{waiting_job}/events")
    assert told.headers["Content-Type"].startswith("text/event-stream")
    names, jobs = zip(*events(told.text))
    assert names[0] in ("queued", "running") and names[-1] == "done" and names == tuple(job["state"] for job in jobs)
    assert jobs[-1] == client.get(f"/jobs/{waiting_job}").json() and jobs[-1]["done"] == STEPS
    assert events(client.get(f"/jobs/{waiting_job}/events").text) == [("done", jobs[-1])]
    problem(client.get("/jobs/0/events"), 404)


def test_events_tell_the_place_of_a_job_that_waits(client, model, waiting_job):
    client.jobs.wait(waiting_job, until=lambda job: job.total is not None)
    second, third = (client.post("/jobs/text2video", json=ASKED).json()["id"] for _ in range(2))
    soon(lambda: client.jobs.cancel(second))
    threading.Timer(0.6, model.go.set).start()
    told = [(name, job["place"]) for name, job in events(client.get(f"/jobs/{third}/events").text)]
    assert told[:2] == [("queued", 2), ("queued", 1)] and told[-1] == ("done", None)


def test_a_stream_without_events_gives_signs_of_life(client, model, waiting_job, monkeypatch):
    monkeypatch.setattr("ppt2v.serving.api.routes._SIGN_OF_LIFE", 0.05)
    soon(model.go.set)
    assert ": goes on\n\n" in client.get(f"/jobs/{waiting_job}/events").text


def test_those_who_wait_leave_room_for_others(client, waiting_job, monkeypatch):
    monkeypatch.setattr(waiting, "MOST_WAITING", 0)
    full = client.get(f"/jobs/{waiting_job}/events")
    assert "too many" in problem(full, 503) and int(full.headers["Retry-After"]) > 0
    began = time.monotonic()
    assert client.get(f"/jobs/{waiting_job}", headers={"Prefer": "wait=60"}).status_code == 200
    assert time.monotonic() - began < 30  # it did not wait


def test_nobody_waits_for_a_service_that_ends(client, waiting_job):
    soon(client.app.state.changes.end)
    assert [name for name, _ in events(client.get(f"/jobs/{waiting_job}/events").text)][-1] == "running"
    answer = client.post("/jobs/text2video", json=ASKED, headers={"Prefer": "wait=60"})
    assert answer.status_code == 202 and answer.json()["state"] == "queued"
    assert len(client.jobs.listeners) == 3  # the log, the webhooks and the metrics: those who waited are gone
