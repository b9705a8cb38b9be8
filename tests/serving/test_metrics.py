"""What a monitoring system is told."""

from __future__ import annotations

import re

import pytest
from stand_in_model import STEPS, StandInModel
from stand_in_service import ASKED, problem, serving

from ppt2v import InputError
from ppt2v.serving.metrics import MEDIA_TYPE, _sample

LINE = re.compile(r'(# (HELP|TYPE) ppt2v_\w+ .+|ppt2v_\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? -?[\d.e+-]+)')


@pytest.fixture
def model():
    return StandInModel(InputError("E-ANY", "as asked"))


@pytest.fixture
def client(tmp_path, model):
    with serving(tmp_path / "out", model, capacity=5) as opened:
        yield opened


def figures(client) -> dict[str, float]:
    """The samples, by what stands before their value; the form is that of the format."""
    answer = client.get("/metrics")
    assert answer.status_code == 200 and answer.headers["Content-Type"] == MEDIA_TYPE and answer.text.endswith("\n")
    lines = answer.text.splitlines()
    assert [line for line in lines if not LINE.fullmatch(line)] == []
    described = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    samples = {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}
    families = {re.sub(r"_(sum|count)$", "", name.partition("{")[0]) for name in samples}
    assert families <= described and len(described) == sum(line.startswith("# HELP") for line in lines)
    return samples


def test_jobs_are_counted_by_state_and_failures_by_code(client, model):
    done, failed = (client.post("/jobs/text2video", json={**ASKED, "prompt": text}).json() for text in ("a", "fail"))
    assert [client.jobs.wait(job["id"]).state for job in (done, failed)] == ["done", "failed"]
    model.go.clear()
    running, waiting = (client.post("/jobs/text2video", json=ASKED).json()["id"] for _ in range(2))
    client.jobs.wait(running, until=lambda job: job.total)
    client.delete(f"/jobs/{waiting}")
    client.post("/jobs/text2video", json=ASKED)
    told = figures(client)
    assert {state: told[f'ppt2v_jobs{{state="{state}"}}'] for state in ("queued", "running", "done", "failed")} == {
        "queued": 1,
        "running": 1,
        "done": 1,
        "failed": 1,
    }
    finished = [told[f'ppt2v_jobs_finished_total{{state="{state}"}}'] for state in ("done", "failed", "cancelled")]
    assert finished == [1, 1, 1] and told['ppt2v_failures_total{code="E-ANY"}'] == 1
    assert (told['ppt2v_workers{state="busy"}'], told['ppt2v_workers{state="free"}']) == (1, 0)
    assert told["ppt2v_queue_capacity"] == 5 and told["ppt2v_workers_lost_total"] == 0
    assert told['ppt2v_resident_memory_bytes{process="service"}'] > 1e7


def test_steps_and_jobs_are_timed(client):
    for _ in range(2):
        client.jobs.wait(client.post("/jobs/text2video", json=ASKED).json()["id"])
    told = figures(client)
    assert told['ppt2v_step_seconds_count{stage="Denoising"}'] == 2 * STEPS
    assert told["ppt2v_run_seconds_count"] == told["ppt2v_wait_seconds_count"] == 2
    jobs = client.jobs.all()
    assert told["ppt2v_run_seconds_sum"] == pytest.approx(sum(job.ended - job.started for job in jobs))
    assert told["ppt2v_wait_seconds_sum"] == pytest.approx(sum(job.started - job.submitted for job in jobs))
    assert 0 < told['ppt2v_step_seconds_sum{stage="Denoising"}'] < told["ppt2v_run_seconds_sum"]


def test_figures_count_from_the_start_of_the_service_and_the_list_goes_on(tmp_path):
    for started in range(2):
        with serving(tmp_path / "out", StandInModel()) as client:
            client.jobs.wait(client.post("/jobs/text2video", json=ASKED).json()["id"])
            told = figures(client)
            assert told['ppt2v_jobs{state="done"}'] == 1 + started
            assert told['ppt2v_jobs_finished_total{state="done"}'] == 1


def test_figures_are_for_those_who_are_let_in(tmp_path):
    with serving(tmp_path, StandInModel(), token="correct horse battery staple") as client:
        problem(client.get("/metrics"), 401)


def test_labels_are_escaped():
    assert _sample("x", 1.5, name='a\\b"c\nd') == 'ppt2v_x{name="a\\\\b\\"c\\nd"} 1.5'
