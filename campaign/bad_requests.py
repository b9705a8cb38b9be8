"""Bad requests to the service over HTTP, whose model is a stand-in that makes no video."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random

from . import CLIPS, mutate, zoo
from .command import Command
from .trial import Trial, expect

_JSON = {"Content-Type": "application/json"}
_BINARY = {"Content-Type": "application/octet-stream"}
_ORIGINS = ("http://elsewhere.example", "null", "http://localhost:81", "https://localhost", "")
_HOSTS = ("elsewhere.example", "localhost:81", "localhost@elsewhere.example", "LOCALHOST", "127.1", "localhost.")


def trials(random: Random, number: int, folder: Path) -> Iterator[Trial]:
    """Bodies, uploads, paths, methods, origins and hosts."""
    from fastapi.testclient import TestClient
    from stand_in_model import StandInModel

    from ppt2v.serving.api.app import create_app
    from ppt2v.serving.limits import Limits
    from ppt2v.serving.makers import Here
    from ppt2v.serving.queue import Jobs

    command = Command(folder)
    files = [name for name in zoo.make(command.work) if name.endswith((".mp4", ".gif", ".m3u8", ".json"))]
    jobs = Jobs(folder / "jobs", [Here(StandInModel())], capacity=10**6, limits=Limits(upload_mb=1, free_mb=0))
    with TestClient(create_app(jobs), base_url="http://localhost", raise_server_exceptions=False) as client:
        for _ in range(number):
            method, path, sent, foreign = _request(random, command.work, files)
            name = f"{method} {path[:40]} {str(sent)[:80]}"
            yield Trial(name, partial(_try, client, folder, method, path, sent, foreign))


def _request(random: Random, work: Path, files: list[str]) -> tuple[str, str, dict, bool]:
    """Method, path, what is sent, and whether it has to be refused for where it comes from."""
    kind = random.randrange(6)
    if kind == 0:
        return "POST", "/clips", {"content": _clip(random, work, random.choice(files)), "headers": _BINARY}, False
    if kind == 1:
        letters = string.ascii_letters + "/.%~\\:;"
        path = (
            "/" + random.choice(["jobs/", "clips/", ""]) + "".join(random.choices(letters, k=random.randrange(1, 60)))
        )
        return random.choice(["GET", "DELETE", "PUT", "POST"]), path, {}, False
    if kind == 2:
        headers = {"Origin": random.choice(_ORIGINS)} if random.random() < 0.5 else {"Host": random.choice(_HOSTS)}
        path = random.choice(["/jobs", "/clips", "/jobs/text2video", "/openapi.json", "/jobs/0"])
        return random.choice(["GET", "POST", "OPTIONS"]), path, {"headers": headers}, True
    mode = random.choice(["text2video", "canny", "pix2pix", "synthesize"])
    asked = {"prompt": "a fox", "seed": 1, "video_length": 4, "model_name": "embedded", "guidance_scale": 3.0}
    if mode in ("canny", "pix2pix"):
        asked = {"prompt": "a fox", "video_path": random.choice(["0" * 32, "../jobs.sqlite", "/etc/hostname", "x"])}
    if kind == 3:
        return "POST", f"/jobs/{mode}", {"content": mutate.text(random, json.dumps(asked)), "headers": _JSON}, False
    body = json.dumps(mutate.value(random, asked)).encode("utf-8", "surrogatepass")
    return "POST", f"/jobs/{mode}", {"content": body, "headers": _JSON}, False


def _clip(random: Random, work: Path, name: str) -> bytes:
    file = work / name
    whole = file.read_bytes()[:2_000_000] if file.is_file() and file.stat().st_size < 10**7 else b"\0" * 1_500_000
    return random.choice([whole, mutate.binary(random, (CLIPS / "panda.mp4").read_bytes())])


def _try(client, folder: Path, method: str, path: str, sent: dict, foreign: bool) -> None:
    clips = folder / "jobs" / "clips"
    before = set(clips.iterdir())
    answer = client.request(method, path, **sent)
    expect(
        answer.status_code < 500 or answer.status_code in (503, 507),
        f"status {answer.status_code}: {answer.text[:200]}",
    )
    expect(answer.status_code == 403 or not foreign, f"status {answer.status_code} for {sent}")
    expect(len(answer.content) < 20_000 or answer.status_code < 300, f"an answer of {len(answer.content)} bytes")
    if answer.status_code >= 400:
        kind = answer.headers.get("Content-Type")
        expect(kind == "application/problem+json" or method == "HEAD", f"{kind}: {answer.text[:100]}")
        expect(set(clips.iterdir()) == before, "something of it is left")
        told = re.search(r"/(root|tmp|home|work|usr)/|Traceback|\.py\b", answer.text)
        expect(told is None, f"it tells {told and told[0]}: {answer.text[:200]}")
    else:
        expect(not list(clips.glob("*.part")), "a part is left")
