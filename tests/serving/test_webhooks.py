"""Reports of finished jobs: to whom, and what happens to them."""

from __future__ import annotations

import json
import queue
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from stand_in_model import StandInModel
from stand_in_service import ASKED, problem, serving

from ppt2v import InputError
from ppt2v.serving import webhooks
from ppt2v.serving.job import Terms
from ppt2v.serving.limits import Limits
from ppt2v.serving.webhooks import Origin, origin


@pytest.fixture
def receiver(monkeypatch):
    """A server that answers with the numbers in ``answers``, then with 204, and keeps what it is sent."""
    monkeypatch.setattr(webhooks, "_PAUSES", (0, 0, 0))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.received.put((self.path, dict(self.headers), json.loads(body)))
            self.send_response(server.answers.pop(0) if server.answers else 204)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.received, server.answers = queue.Queue(), []
        server.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def delivered() -> None:
    """Waits until nothing is being sent any more."""
    for thread in threading.enumerate():
        if thread.name.startswith("ppt2v webhook"):
            thread.join()


@pytest.mark.parametrize("end", ["done", "failed", "cancelled"])
def test_a_finished_job_is_reported_once(tmp_path, receiver, end):
    model = StandInModel(failure=InputError(None, "it cannot be"))
    with serving(tmp_path, model, webhooks=(receiver.address,)) as client:
        model.go.clear()
        url = f"{receiver.address}/told?key=1"
        client.post("/jobs/text2video", json=ASKED)
        asked = {"prompt": "fail" if end == "failed" else "a fox", "webhook": url}
        job = client.post("/jobs/text2video", json=asked).json()
        assert url not in json.dumps(job)  # which may hold a secret, and others see the job
        if end == "cancelled":
            client.delete(f"/jobs/{job['id']}")
        model.go.set()
        client.jobs.wait(job["id"])
        path, headers, told = receiver.received.get(timeout=60)
        assert path == "/told?key=1" and headers["Content-Type"] == "application/json"
        assert told == client.get(f"/jobs/{job['id']}").json() and told["state"] == end
        delivered()
        assert receiver.received.empty()


def test_a_report_is_tried_again_and_follows_nobody_elsewhere(tmp_path, receiver, caplog):
    receiver.answers = [500, 307]
    with serving(tmp_path, StandInModel(), webhooks=(receiver.address,)) as client:
        client.post("/jobs/text2video", json={**ASKED, "webhook": f"{receiver.address}/a"})
        assert [receiver.received.get(timeout=60)[0] for _ in range(3)] == ["/a", "/a", "/a"]
        delivered()
        assert receiver.received.empty() and not caplog.records
        receiver.answers = [302] * 3
        id = client.post("/jobs/text2video", json={**ASKED, "webhook": receiver.address}).json()["id"]
        client.jobs.wait(id)
        delivered()
        assert f"job {id}: its webhook was not told: it answers 302" in caplog.text
        assert [receiver.received.get(timeout=60)[0] for _ in range(3)] == ["/", "/", "/"]
        assert client.get(f"/jobs/{id}").json()["state"] == "done"


def test_a_receiver_that_is_not_there_harms_nobody(tmp_path, receiver, caplog):
    gone = "http://127.0.0.1:1"
    with serving(tmp_path, StandInModel(), webhooks=(gone,)) as client:
        id = client.post("/jobs/text2video", json={**ASKED, "webhook": gone}).json()["id"]
        assert client.jobs.wait(id).state == "done"
        delivered()
        assert "not told: ConnectionRefusedError" in caplog.text


def test_without_the_option_no_webhook_can_be_asked_for(tmp_path):
    with serving(tmp_path, StandInModel()) as client:
        assert "not permitted" in problem(client.post("/jobs/text2video", json={**ASKED, "webhook": "http://a"}), 422)
    with pytest.raises(InputError, match="reports jobs to nobody"):
        Limits().check_terms(Terms(webhook="http://a"))


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/",
        "https://hooks.example:8443/",
        "https://hooks.example.evil.example/",
        "https://evil.example/https://hooks.example/",
        "https://hooks.example@evil.example/",
        "https://evil.example\\@hooks.example/",
        "https://hooks.example\\.evil.example/",
        "https://hooks.example:443@evil.example/",
        "https://hooks.example.",
        "https://hooks.example:99999/",
        "https://[::1]/",
        "https://hooks.example /",
        "https://hooks.example/\r\nHost: evil.example",
        "https://hooks.exa\tmple/",
        "//hooks.example/",
        "hooks.example",
        "file:///etc/passwd",
        "https://ｈooks.example/",
        "https://",
        "",
    ],
)
def test_other_addresses_than_the_operators_are_refused(tmp_path, url):
    with pytest.raises(InputError, match="it has to be at https://hooks.example$"):
        Limits(webhooks=("https://hooks.example",)).check_terms(Terms(webhook=url))


def test_origins_are_compared_as_servers_are_reached():
    assert (
        origin("https://Hooks.Example/a?b#c") == origin("https://hooks.example:443") == ("https", "hooks.example", 443)
    )
    assert origin("https://hooks.example#@elsewhere.example/") == origin("https://hooks.example/")
    assert origin("http://[::1]:8080/") == Origin("http", "::1", 8080)


@pytest.mark.parametrize(
    "server", ["hooks.example", "https://hooks.example/path", "https://hooks.example?a", "ftp://a"]
)
def test_an_operator_names_servers(server):
    webhooks.check("https://hooks.example:8443/")
    with pytest.raises(InputError, match="address of a server alone"):
        webhooks.check(server)
