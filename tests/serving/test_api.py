"""The service over HTTP, on a stand-in for the model; and once on the embedded one."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import schemathesis
from conftest import CLIPS
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)
from stand_in_model import STEPS, VIDEO, StandInModel
from stand_in_service import ASKED, problem, serving

from ppt2v import InputError, video
from ppt2v.models.sources import catalogue
from ppt2v.modes import MODES
from ppt2v.serving import limits, uploads
from ppt2v.serving import queue as jobs_module
from ppt2v.serving.admission import check_address
from ppt2v.serving.api.app import create_app
from ppt2v.serving.job import Terms
from ppt2v.serving.limits import Limits
from ppt2v.serving.makers import Here
from ppt2v.serving.queue import Jobs
from ppt2v.serving.server import listen

CLIP = CLIPS / "panda.mp4"
OPERATORS = sorted({each.name for row in MODES.values() for each in row.parameters if each.holds in limits.OPERATORS})
BINARY = {"Content-Type": "application/octet-stream"}
ODD = "<script>alert(1)</script> \"'; DROP TABLE jobs -- \u0000 \U0001f43c ../../etc"


@pytest.fixture
def model():
    return StandInModel()


@pytest.fixture
def client(tmp_path, model):
    with serving(tmp_path / "out", model) as opened:
        yield opened


def upload(client, content: bytes):
    return client.post("/clips", content=content, headers=BINARY)


def test_from_the_request_to_the_video(client, model):
    answer = client.post("/jobs/text2video", json={**ASKED, "guidance_scale": 3})
    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["Location"] == f"/jobs/{job['id']}"
    client.jobs.wait(job["id"])
    done = client.get(answer.headers["Location"]).json()
    assert (done["state"], done["done"], done["total"], done["error"]) == ("done", STEPS, STEPS, None)
    assert done["parameters"] == {**ASKED, "guidance_scale": 3.0}
    made = client.get(done["result"])
    assert made.content == VIDEO and made.headers["Content-Type"] == "video/mp4"
    assert client.get("/jobs?last=1").json() == [done]
    assert model.runs[0][1]["guidance_scale"] == 3.0


def test_priorities_are_offered_where_the_operator_allows_them(tmp_path, model):
    with serving(tmp_path / "plain", model) as client:
        assert "priority: Extra inputs" in problem(client.post("/jobs/text2video", json={**ASKED, "priority": 1}), 422)
    with serving(tmp_path / "graded", model, capacity=4, priority=2) as client:
        model.go.clear()
        first = client.post("/jobs/text2video", json=ASKED).json()
        client.jobs.wait(first["id"], until=lambda job: job.total)
        asked = [client.post("/jobs/text2video", json={**ASKED, "priority": each}).json() for each in (0, 2, 1)]
        stand = {job["priority"]: job["place"] for job in client.get("/jobs").json()[:3]}
        assert stand == {0: 3, 1: 2, 2: 1} and first["priority"] == 0
        for wrong in (3, -1, "1"):
            problem(client.post("/jobs/text2video", json={**ASKED, "priority": wrong}), 422)
        assert len({job["id"] for job in asked}) == 3
    with pytest.raises(InputError, match="priority=3: here it is a number from 0 to 2"):
        Limits(priority=2).check_terms(Terms(priority=3))


def test_clients_are_told_apart_by_their_address(tmp_path, model):
    jobs = Jobs(tmp_path, [Here(model)])
    app = create_app(jobs)
    model.go.clear()
    addresses = ("203.0.113.1", "203.0.113.1", "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1", "::ffff:203.0.113.1")
    for address in addresses:
        other = TestClient(app, base_url="http://127.0.0.1", client=(address, 5000))
        other.post("/jobs/text2video", json=ASKED)
    told = [job.client for job in jobs.all()]
    assert told == ["203.0.113.1"] * 2 + ["2001:db8::/64"] * 2 + ["2001:db8:0:1::/64", "203.0.113.1"]
    assert "203.0.113" not in other.get("/jobs").text
    model.go.set()
    jobs.close()


@pytest.mark.parametrize(
    ("prompt", "advice"),
    [("雪地里的狐狸", "write the prompt in English"), ("a corgi", "knows no: corgi; it knows"), ("a fox", None)],
)
def test_what_a_prompt_will_not_do_is_said_with_the_job(client, model, prompt, advice):
    model.go.clear()
    answer = client.post("/jobs/text2video", json={**ASKED, "prompt": prompt}).json()
    model.go.set()
    assert client.jobs.wait(answer["id"]).state == "done"
    for job in (answer, client.get(f"/jobs/{answer['id']}").json()):
        assert len(job["advice"]) == (advice is not None) and (advice or "") in "".join(job["advice"])


def test_a_clip_is_named_by_its_id_alone(client, model):
    answer = upload(client, CLIP.read_bytes())
    assert answer.status_code == 201
    clip = answer.json()
    assert (clip["frames"], clip["height"], clip["width"]) == (16, 128, 128) and clip["seconds"] == 2
    job = client.post("/jobs/canny", json={**ASKED, "video_path": clip["id"]}).json()
    assert job["parameters"]["video_path"] == clip["id"]
    assert client.jobs.wait(job["id"]).state == "done"
    assert Path(model.runs[0][1]["video_path"]).read_bytes() == CLIP.read_bytes()
    for elsewhere in ("/proc/self/environ", "../jobs.sqlite", "/etc/passwd", "0" * 32):
        assert "there is no clip" in problem(client.post("/jobs/canny", json={**ASKED, "video_path": elsewhere}), 422)


def test_progress_preview_and_cancel(client, model):
    model.go.clear()
    first, second = (client.post("/jobs/text2video", json=ASKED).json()["id"] for _ in range(2))
    client.jobs.wait(first, until=lambda job: job.preview is not None)
    preview = client.get(f"/jobs/{first}/preview")
    assert preview.headers["Content-Type"] == "image/png" and preview.content.startswith(b"\x89PNG")
    assert "no preview" in problem(client.get(f"/jobs/{second}/preview"), 409)
    running = client.get(f"/jobs/{first}").json()
    assert (running["state"], running["stage"], running["total"]) == ("running", "Denoising", STEPS)
    assert "the job is running" in problem(client.get(f"/jobs/{first}/result"), 409)
    assert client.get(f"/jobs/{second}").json()["place"] == 1 and running["place"] is None
    assert client.delete(f"/jobs/{second}").json()["state"] == "cancelled"
    client.delete(f"/jobs/{first}")
    model.go.set()
    assert client.jobs.wait(first).state == "cancelled"
    assert [job["id"] for job in client.get("/jobs").json()] == [second, first]


def test_unknown_jobs_paths_and_deleted_videos(client):
    for path in ("/jobs/1", "/jobs/1/result", "/jobs/1/preview", "/jobs/..%2f..%2fetc/result", "/nowhere"):
        problem(client.get(path), 404)
    problem(client.delete("/jobs/1"), 404)
    problem(client.put("/jobs"), 405)
    job = client.jobs.wait(client.post("/jobs/text2video", json=ASKED).json()["id"])
    job.path.unlink()
    assert "deleted" in problem(client.get(f"/jobs/{job.id}/result"), 410)


def test_a_finished_job_is_deleted_with_its_video(client):
    job = client.jobs.wait(client.post("/jobs/text2video", json=ASKED).json()["id"])
    deleted = client.delete(f"/jobs/{job.id}")
    assert (deleted.status_code, deleted.content) == (204, b"") and not job.path.parent.exists()
    assert client.get("/jobs").json() == []
    for path in (f"/jobs/{job.id}", f"/jobs/{job.id}/result"):
        problem(client.get(path), 404)
    problem(client.delete(f"/jobs/{job.id}"), 404)


def test_a_clip_is_deleted_once_no_job_needs_it(client, model):
    clip = upload(client, CLIP.read_bytes()).json()["id"]
    model.go.clear()
    job = client.post("/jobs/canny", json={**ASKED, "video_path": clip}).json()["id"]
    assert "still needs" in problem(client.delete(f"/clips/{clip}"), 409)
    model.go.set()
    client.jobs.wait(job)
    assert client.delete(f"/clips/{clip}").status_code == 204 and not clips_of(client)
    for id in (clip, "0" * 32, "..%2fjobs.sqlite", "jobs.sqlite"):
        problem(client.delete(f"/clips/{id}"), 404)
    assert (client.jobs.folder / "jobs.sqlite").exists()


def test_a_clip_is_uploaded_as_a_form_too(client):
    kept = client.post("/clips", files={"file": ("../../panda.mp4", CLIP.read_bytes(), "video/mp4")})
    assert kept.status_code == 201 and clips_of(client) == [client.jobs.folder / "clips" / kept.json()["id"]]
    for wrong in ({"clip": ("a.mp4", CLIP.read_bytes())}, {"file": (None, "a text")}, {"file": ("a.mp4", b"no clip")}):
        answer = client.post("/clips", files=wrong)
        assert answer.status_code in (400, 422) and problem(answer, answer.status_code)
    broken = {"Content-Type": "multipart/form-data; boundary=x"}
    assert problem(client.post("/clips", content=b"--y", headers=broken), 400)
    assert "too large" in problem(client.post("/clips", files={"file": ("a.mp4", b"0" * 1_100_000)}), 413)
    assert len(clips_of(client)) == 1


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_form_of_another_site_is_refused_as_browsers_say_it(client, site):
    form = {"file": ("a.mp4", CLIP.read_bytes())}
    assert "other sites" in problem(client.post("/clips", files=form, headers={"Sec-Fetch-Site": site}), 403)
    assert client.post("/clips", files=form, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 201


def test_several_seeds_are_several_jobs_or_none(client, model):
    model.go.clear()
    asked = client.post("/jobs/text2video", json={"prompt": "a panda", "seeds": [3, 2**60]})
    assert asked.status_code == 202 and [job["parameters"]["seed"] for job in asked.json()] == [3, 2**60]
    full = client.post("/jobs/text2video", json={"prompt": "a panda", "seeds": [4, 5]})
    assert problem(full, 503) and len(client.get("/jobs").json()) == 2
    model.go.set()
    assert [client.jobs.wait(job["id"]).state for job in asked.json()] == ["done", "done"]


def test_the_list_survives_a_restart(tmp_path):
    with serving(tmp_path, StandInModel()) as client:
        client.jobs.wait(client.post("/jobs/text2video", json=ASKED).json()["id"])
        before = client.get("/jobs").json()
    with serving(tmp_path, StandInModel()) as client:
        after = client.get("/jobs").json()
        assert [each["id"] for each in after] == [each["id"] for each in before]
        assert client.get(after[0]["result"]).content == VIDEO


def test_a_full_queue_says_when_to_try_again(client, model):
    model.go.clear()
    client.jobs.wait(client.post("/jobs/text2video", json=ASKED).json()["id"], until=lambda job: job.total)
    for _ in range(2):
        client.post("/jobs/text2video", json=ASKED)
    full = client.post("/jobs/text2video", json=ASKED)
    assert "2 jobs wait" in problem(full, 503) and int(full.headers["Retry-After"]) > 0


def test_a_full_disk(client, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(jobs_module.shutil, "disk_usage", lambda folder: usage(100, 99, 1))
    assert "disk" in problem(client.post("/jobs/text2video", json=ASKED), 507)
    assert "disk" in problem(upload(client, CLIP.read_bytes()), 507)


@pytest.mark.parametrize(("number", "status", "said"), [(errno.ENOSPC, 507, "disk"), (errno.EIO, 500, "went wrong")])
def test_a_disk_that_fills_up_or_fails_during_an_upload(client, monkeypatch, number, status, said):
    def fail(self, part):
        raise OSError(number, "what the system says")

    monkeypatch.setattr(uploads.Clips, "_checked", fail)
    assert said in problem(upload(client, CLIP.read_bytes()), status)
    assert not clips_of(client)


def test_a_page_of_another_site_can_send_nothing_unasked(client):
    for simple in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        sent = client.post("/jobs/text2video", content=json.dumps(ASKED), headers={"Content-Type": simple})
        assert problem(sent, 422)
    assert not client.get("/jobs").json()


def clips_of(client) -> list[Path]:
    return list((client.jobs.folder / "clips").iterdir())


PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty|no video"),
        (b"<html>" * 100, "no video"),
        (PLAYLIST, "no video that is taken here"),
        (b"\0\0\0\x18ftypmp42" + b"\0" * 1000, "the upload"),
        (CLIP.read_bytes()[:3000], "the upload"),
    ],
    ids=["empty", "page", "playlist", "fake", "truncated"],
)
def test_uploads_that_are_no_clips(client, content, said):
    assert re.search(said, problem(upload(client, content), 422))
    assert not clips_of(client)


def test_old_uploads_are_deleted_while_the_service_runs(tmp_path, monkeypatch):
    jobs = Jobs(tmp_path, [Here(StandInModel())], keep_days=1)
    old, new, left = (tmp_path / "clips" / name for name in ("0" * 32, "1" * 32, f"{'2' * 32}.part"))
    old.parent.mkdir()
    for file, days in ((old, 2), (new, 0.5), (left, 0)):
        file.touch()
        os.utime(file, (time.time() - days * 24 * 3600,) * 2)
    monkeypatch.setattr(uploads, "_HOUR", 0.01)
    with TestClient(create_app(jobs), base_url="http://127.0.0.1"):
        while old.exists():
            time.sleep(0.01)
        assert new.exists() and not left.exists()


def test_a_clip_is_looked_at_in_a_thread(client, monkeypatch):
    threads = []
    facts = video.facts(CLIP)
    monkeypatch.setattr(uploads.Clips, "_checked", lambda self, part: threads.append(threading.get_ident()) or facts)
    assert upload(client, CLIP.read_bytes()).status_code == 201
    assert len(threads) == 1 and client.portal.call(threading.get_ident) not in threads


def test_a_clip_of_more_frames_than_its_seconds_have_is_refused(tmp_path):
    path = video.write([np.zeros((16, 16, 3), np.uint8)] * 300, tmp_path / "fast.mp4", 1000, {})
    with pytest.raises(InputError, match="frames of the clip: 241 is too much, the most here is 240"):
        Limits(clip_seconds=1).check_clip(path)


def test_uploads_that_are_too_large_too_long_or_of_another_type(client, tmp_path):
    assert "the most here is 1 MB" in problem(upload(client, b"\0" * 1_000_001), 413)
    endless = (b"\0" * 100_000 for _ in range(100))
    assert "the most here is 1 MB" in problem(client.post("/clips", content=endless, headers=BINARY), 413)
    assert "Content-Type" in problem(client.post("/clips", content=b"x", headers={"Content-Type": "text/plain"}), 415)
    assert not clips_of(client)
    with serving(tmp_path / "short", StandInModel(), clip_seconds=1) as strict:
        assert "2 is too much, the most here is 1 seconds" in problem(upload(strict, CLIP.read_bytes()), 422)
    with serving(tmp_path / "small", StandInModel(), clip_side=64) as strict:
        assert "128 is too much, the most here is 64 pixels" in problem(upload(strict, CLIP.read_bytes()), 422)


def test_large_and_deep_requests(client):
    huge = client.post(
        "/jobs/text2video",
        content=b'{"prompt": "' + b"a" * 1_000_000 + b'"}',
        headers={"Content-Type": "application/json"},
    )
    assert "too large" in problem(huge, 413)
    for broken in (b"[" * 100_000, b"{", b"\xff", b'"a"', b"[]", b""):
        answer = client.post("/jobs/text2video", content=broken, headers={"Content-Type": "application/json"})
        problem(answer, answer.status_code)
        assert answer.status_code in (400, 422)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": "  "}, "prompt is empty"),
        ({"prompt": None}, "prompt"),
        ({"prompt": 3}, "prompt"),
        ({"prompt": "a" * 2001}, "at most 2000"),
        ({"prompt": "\ud800"}, "prompt"),
        ({"\ud800": 1}, "unicode"),
        ({"seed": -1}, "seed"),
        ({"seed": 10**400}, "seed"),
        ({"seed": "1"}, "seed"),
        ({"seed": True}, "seed"),
        ({"guidance_scale": -1e308}, "guidance_scale"),
        ({"video_length": 10**9}, "less than or equal to 64"),
        ({"video_length": 65}, "less than or equal to 64"),
        ({"num_inference_steps": 101}, "less than or equal to 100"),
        ({"seeds": []}, "seeds"),
        ({"seeds": [2, -1]}, "seeds"),
        ({"seeds": [2]}, "seed and seeds: give one"),
        ({"webhook": "http://127.0.0.1/"}, "not permitted"),
        ({"resolution": "100000x100000"}, "resolution"),
        ({"fps": 1e-320}, "fps"),
        ({"motion_field_strength_x": 1e9}, "motion"),
        ({"video_path": "0" * 32}, "not permitted"),
        ({"model_name": "/etc"}, "cannot be chosen"),
        ({"model_name": "~/secret"}, "cannot be chosen"),
        ({"watermark": "/etc/a.png"}, "picture"),
        ({"solver": "none"}, "solver"),
        ({"save_format": "exe"}, "save_format"),
        ({"eta": 0.5, "solver": "lcm"}, "eta"),
        *(({name: "/etc/passwd"}, "not permitted") for name in OPERATORS),
    ],
    ids=str,
)
def test_what_may_not_be_asked_for(client, model, wrong, said):
    answer = client.post(
        "/jobs/text2video", content=json.dumps({**ASKED, **wrong}), headers={"Content-Type": "application/json"}
    )
    assert re.search(said, problem(answer, 422))
    assert not client.get("/jobs").json()


def test_numbers_that_are_none_in_json(client):
    for number in ("NaN", "Infinity", "-Infinity", "1e999"):
        answer = client.post(
            "/jobs/text2video",
            content=f'{{"prompt": "a", "guidance_scale": {number}}}',
            headers={"Content-Type": "application/json"},
        )
        assert "guidance_scale" in problem(answer, 422)


def test_odd_prompts_are_only_texts(client, model):
    job = client.post("/jobs/text2video", json={"prompt": ODD}).json()
    assert client.jobs.wait(job["id"]).state == "done"
    assert model.runs[0][1]["prompt"] == ODD
    shown = client.get("/jobs")
    assert shown.json()[0]["parameters"]["prompt"] == ODD and shown.headers["Content-Type"] == "application/json"


def test_an_unexpected_failure_is_a_problem_too(client, monkeypatch):
    monkeypatch.setattr(client.jobs, "all", lambda: 1 / 0)
    assert "went wrong" in problem(client.get("/jobs"), 500)
    monkeypatch.undo()
    assert client.get("/jobs").json() == []


def test_the_token_is_asked_for(tmp_path):
    with serving(tmp_path, StandInModel(), token="correct horse battery staple") as client:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic x"}):
            answer = client.get("/jobs", headers=headers)
            assert "token" in problem(answer, 401) and answer.headers["WWW-Authenticate"] == "Bearer"
            problem(client.post("/jobs/text2video", json=ASKED, headers=headers), 401)
            problem(client.get("/openapi.json", headers=headers), 401)
            problem(client.get("/nowhere", headers=headers), 401)
        told = {"Authorization": "Bearer correct horse battery staple"}
        assert client.get("http://a.name/jobs", headers=told).json() == []
        described = client.get("/openapi.json", headers=told).json()
        assert described["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"
        foreign = {**told, "Origin": "http://elsewhere.example"}
        assert "other sites" in problem(client.get("http://a.name/jobs", headers=foreign), 403)


def test_thousands_of_unknown_keys_are_answered_shortly(client):
    said = problem(client.post("/jobs/text2video", json={**ASKED, **{f"key{n}": n for n in range(5000)}}), 422)
    assert said.endswith("and 4995 more") and len(said) < 1000
    said = problem(client.post("/jobs/text2video", json={**ASKED, "k" * 100_000: 1}), 422)
    assert len(said) < 1000


def test_without_a_token_other_names_than_localhost_are_refused(client):
    assert "localhost" in problem(client.get("http://evil.example/jobs"), 403)
    assert client.get("http://localhost/jobs").json() == []


def test_addresses():
    check_address("127.0.0.1", None)
    check_address("0.0.0.0", "0123456789abcdef")
    with pytest.raises(InputError, match="--token"):
        check_address("0.0.0.0", None)
    with pytest.raises(InputError, match="guessed"):
        check_address("127.0.0.1", "short")
    with listen("127.0.0.1", 0) as taken, pytest.raises(InputError, match="choose others"):
        listen("127.0.0.1", taken.getsockname()[1])


def test_the_schema_is_that_of_the_table(client):
    described = client.get("/openapi.json").json()
    for row in MODES.values():
        body = described["paths"][f"/jobs/{row.name}"]["post"]["requestBody"]["content"]["application/json"]["schema"]
        model = described["components"]["schemas"][body["$ref"].rsplit("/", 1)[-1]]
        allowed = [each.name for each in row.parameters if each.name not in OPERATORS]
        assert list(model["properties"]) == [*allowed, "seeds"]
        for parameter in row.parameters:
            if parameter.name not in OPERATORS:
                assert model["properties"][parameter.name]["description"].startswith(parameter.help)
        assert set(model["required"]) == {"prompt"} | ({"video_path"} if row.takes_clip else set())
    text2video = described["components"]["schemas"]["Text2Video"]["properties"]
    seed = text2video["seed"]["anyOf"]
    assert seed[0] == {"type": "integer", "minimum": 0, "maximum": 2**63}  # FastAPI keeps bounds as floats


def test_the_schema_has_the_limits_of_the_service_and_what_its_model_brings_along(tmp_path):
    with serving(tmp_path, StandInModel(), frames=5, steps=30, side=100, seeds=2) as client:
        schemas = client.get("/openapi.json").json()["components"]["schemas"]
    text2video, canny = schemas["Text2Video"]["properties"], schemas["Canny"]["properties"]
    assert text2video["video_length"]["maximum"] == 5 and canny["resolution"]["maximum"] == 100
    assert "At most 100 pixels" in text2video["resolution"]["description"]
    steps = text2video["num_inference_steps"]
    assert (steps["maximum"], steps["default"]) == (30, 20) and "else it is 50" in steps["description"]
    assert text2video["seeds"]["anyOf"][0]["maxItems"] == 2


CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
)


def test_the_service_keeps_to_its_schema_whatever_comes(tmp_path):
    jobs, answered = Jobs(tmp_path, [Here(StandInModel())], capacity=10**6), set()
    schema = schemathesis.openapi.from_asgi("/openapi.json", create_app(jobs), headers={"Host": "localhost"})
    alike = {f"/jobs/{name}" for name in MODES} - {"/jobs/text2video", "/jobs/canny"}
    for operation in (each.ok() for each in schema.exclude(path=list(alike)).get_all_operations()):
        valid, invalid = (operation.as_strategy(generation_mode=mode) for mode in schemathesis.GenerationMode)

        @settings(
            max_examples=8, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
        )
        @given(case=valid | invalid)
        def conforms(case):
            answered.add(case.call_and_validate(base_url="http://localhost", checks=CHECKS).status_code)

        conforms()
    jobs.close()
    assert answered >= {200, 202, 404, 422}


def test_the_whole_service_on_the_embedded_model(tmp_path):
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from ppt2v.cli import main; main()",
            "serve",
            "--port",
            "0",
            "--folder",
            str(tmp_path),
            "--engine",
            "eager",
            "--device",
            "cpu",
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    address = re.search(r"http://\S+:\d+", process.stderr.readline())[0]
    import httpx

    with httpx.Client(base_url=address, timeout=60) as client:
        asked = {**ASKED, "video_length": 2, "num_inference_steps": 3}
        job = client.post("/jobs/text2video", json=asked).json()
        while job["state"] in ("queued", "running"):
            time.sleep(0.2)
            job = client.get(f"/jobs/{job['id']}").json()
        assert job["error"] is None
        (tmp_path / "made.mp4").write_bytes(client.get(job["result"]).content)
        longer = client.post("/jobs/text2video", json={**ASKED, "num_inference_steps": 100}).json()["id"]
        with client.stream("GET", f"/jobs/{longer}/events") as events:
            process.send_signal(signal.SIGTERM)  # which Paddle, imported by the first job, would have end it at once
            told = "".join(events.iter_text())  # to the end, which it has
        assert told.startswith("event: ") and told.endswith("\n\n")
    process.wait()
    assert video.read(tmp_path / "made.mp4", multiple=1).frames.shape == (2, 128, 128, 3)
    assert video.read_recipe(tmp_path / "made.mp4")["parameters"]["model_name"] == catalogue.EMBEDDED


def test_a_problem_is_told_in_the_language_that_is_asked_for(client):
    chinese = {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"}
    for path, headers, title, detail in (
        ("/jobs/1", chinese, "未找到", "没有该 id 的任务"),
        ("/jobs/1", {"Accept-Language": "de"}, "Not Found", "there is no job of that id"),
    ):
        answer = client.get(path, headers=headers)
        said = answer.json()
        assert (said["title"], said["detail"], said["code"]) == (title, detail, "E-JOB-ID")
        assert answer.headers["Vary"] == "Accept-Language"
        assert answer.headers["Content-Language"] == ("zh" if headers is chinese else "en")
    refused = client.post("/jobs/text2video", json={"prompt": " "}, headers=chinese).json()
    assert (refused["code"], refused["detail"][:6]) == ("E-PROMPT-EMPTY", "提示词为空：")
