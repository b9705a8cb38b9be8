"""A service with many clients at once, of whose workers some are killed."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random

import tiny_model

from .kills import Service
from .process import group_of, unfinished, wait_until
from .trial import Trial, expect

_CLIENTS, _EACH, _KILLS = 30, 10, 2
_JOBS = _CLIENTS * _EACH
_SECONDS = 900


def trials(random: Random, number: int, folder: Path) -> Iterator[Trial]:
    """Services, each with 300 jobs of 30 clients and two kills at random moments."""
    model = tiny_model.write_stable_diffusion(folder / "tiny")
    for index in range(number):
        shares = sorted(random.uniform(0.1, 0.8) for _ in range(_KILLS))
        yield Trial(f"{_JOBS} jobs, {_KILLS} kills", partial(_serve, folder / str(index), model, shares))


def _serve(folder: Path, model: Path, shares: list[float]) -> None:
    folder.mkdir()
    reports = _Reports()
    options = ["--workers", "2", "--queue", str(_JOBS), "--model", str(model), "--webhook", reports.address]
    service = Service(folder, *options)
    with ThreadPoolExecutor(_CLIENTS) as clients:
        sources = [f"127.0.0.{number}" for number in range(2, 2 + _CLIENTS)]  # all of them are this machine
        asked = [clients.submit(_answers, service.address, source, reports.address) for source in sources]
        for share in shares:
            wait_until(partial(reports.are, share * _JOBS), _SECONDS, f"not {share:.0%} of the jobs are done in time")
            os.kill(_a_worker(service), signal.SIGKILL)
        states = dict(answer for client in asked for answer in client.result())
    wait_until(partial(reports.are, _JOBS), 60, "not all jobs are reported")
    figures = service.asked("/metrics")[1].decode()
    said = service.end()
    reports.close()
    expect(Counter(states.values()) == {"done": _JOBS}, f"the jobs are {Counter(states.values())}")
    expect(reports.ids == Counter(states.keys()), "not each job is reported once")
    expect(said.count(" done, waited ") == _JOBS, f"the log has {said.count(' done, waited ')} ends of jobs")
    expect(f"ppt2v_workers_lost_total {_KILLS}\n" in figures, "not each kill has hit a worker")
    expect(len(list((folder / "jobs").glob("*/video.mp4"))) == _JOBS, f"there are not {_JOBS} videos")
    expect(not unfinished(folder), f"it leaves {unfinished(folder)}")
    expect("Traceback" not in said, f"it says {said[-300:]}")


def _a_worker(service: Service) -> int:
    """The process of the worker that was started last."""
    workers = [
        each for each in group_of(service.process) if b"spawn_main" in Path(f"/proc/{each}/cmdline").read_bytes()
    ]
    return max(workers)


def _answers(address: str, source: str, webhook: str) -> list[tuple[str, str]]:
    """Asks for the videos of one client, then waits for each; their ids and states."""
    asked = {"prompt": "a fox", "model_name": "tiny", "video_length": 2, "num_inference_steps": 2, "webhook": webhook}
    ids = [_asked(address, source, "/jobs/text2video", {**asked, "seed": seed})["id"] for seed in range(_EACH)]
    return [(id, _ended(address, source, id)) for id in ids]


def _ended(address: str, source: str, id: str) -> str:
    latest = time.monotonic() + _SECONDS
    while not (job := _asked(address, source, f"/jobs/{id}"))["ended"]:
        expect(time.monotonic() < latest, f"the job {id} is {job['state']} after {_SECONDS} s")
    return job["state"]


def _asked(address: str, source: str, path: str, body: object = None) -> dict:
    """What a client at an address of its own is answered; it waits for jobs that it asks after."""
    connection = HTTPConnection(address.removeprefix("http://"), timeout=120, source_address=(source, 0))
    method, prefer = ("GET", "wait=30") if body is None else ("POST", "wait=0")
    headers = {"Content-Type": "application/json", "Prefer": prefer}
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    expect(answer.status in (200, 202), f"{path} is answered with {answer.status}: {content[:200]!r}")
    return json.loads(content)


class _Reports:
    """Takes the reports of finished jobs, and counts them by id."""

    def __init__(self) -> None:
        self.ids: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def are(self, number: float) -> bool:
        """Whether there are so many by now."""
        with self._lock:
            return self.ids.total() >= number

    def close(self) -> None:
        """Takes no more."""
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        reports = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                job = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with reports._lock:
                    reports.ids[job["id"]] += 1
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        return Handler
