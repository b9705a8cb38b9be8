"""What an operator sees: a line for each request and each job, and in none of them what is private."""

from __future__ import annotations

import re

import pytest
from stand_in_model import StandInModel
from stand_in_service import ASKED, serving

from ppt2v import InputError
from ppt2v.serving import record


@pytest.fixture
def client(tmp_path):
    with serving(tmp_path / "out", StandInModel(failure=InputError(None, "a\nline of its own"))) as opened:
        yield opened


def requests(client) -> list[str]:
    return [line for line in client.lines if not line.startswith("job ")]


def test_each_request_has_a_line(client, monkeypatch):
    client.get("/jobs?last=3")
    client.post("/jobs/text2video", json={"prompt": ""})
    client.get("http://elsewhere.example/jobs")
    monkeypatch.setattr(client.jobs, "all", lambda: 1 / 0)
    client.get("/jobs")
    said = ["GET /jobs 200", "POST /jobs/text2video 422", "GET /jobs 403", "GET /jobs 500"]
    assert [re.sub(r" \d+\.\d{3} s$", "", line) for line in requests(client)] == [f"testclient {each}" for each in said]


@pytest.mark.parametrize("path", ["/a%0d%0a2026 forged", "/%1b[31m", "/" + "x" * 5000, "/雪"])
def test_a_path_is_a_part_of_one_short_line(client, path):
    client.get(path)
    (line,) = requests(client)
    assert line.isprintable() and line.isascii() and len(line) < 1000 and re.fullmatch(r"\S+ GET \S+ 404 \S+ s", line)


def test_each_job_has_a_line_with_what_became_of_it_and_without_its_prompt(client):
    ids = [client.post("/jobs/text2video", json={"prompt": prompt}).json()["id"] for prompt in ("secret fox", "fail")]
    for id in ids:
        client.jobs.wait(id)
    lines = [line for line in client.lines if line.startswith("job ")]
    times = r"waited \d+\.\d s, ran \d+\.\d s"
    assert re.fullmatch(rf"job {ids[0]} text2video done, {times}", lines[0])
    assert re.fullmatch(rf"job {ids[1]} text2video failed, {times}: a line of its own", lines[1])
    assert len(lines) == 2 and "secret" not in "".join(client.lines)


def test_a_job_that_never_ran_has_a_line_too(client):
    client.jobs.seats[0].maker.model.go.clear()
    client.jobs.wait(client.post("/jobs/text2video", json=ASKED).json()["id"], until=lambda job: job.total)
    waiting = client.post("/jobs/text2video", json=ASKED).json()["id"]
    client.delete(f"/jobs/{waiting}")
    assert re.search(rf"job {waiting} text2video cancelled, waited \d+\.\d s, ran 0\.0 s", client.lines[-2])


def test_lines_have_the_date(capsys):
    record.to_standard_error("a line")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} a line\n", capsys.readouterr().err)
