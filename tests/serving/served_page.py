"""A page that is served, a store to download from, and a browser, for the tests of the page."""

from __future__ import annotations

import http.server
import os
import shutil
import signal
import subprocess
import sys
import threading
from typing import NamedTuple

import pytest
from browsing import PATIENCE, SWITCHES
from conftest import DATA

CHROMIUM = shutil.which("chromium")
MODEL = DATA / "text2video_reference" / "model"
ADAPTERS = DATA / "adapters_reference"


class Store(NamedTuple):
    """A store of models; what it sends stops half-way through each file of weights while ``go`` is clear."""

    address: str
    go: threading.Event


class _Handler(http.server.SimpleHTTPRequestHandler):
    go: threading.Event

    def log_message(self, *_) -> None:
        pass

    def translate_path(self, path: str) -> str:
        return str(MODEL / path.partition("CompVis/stable-diffusion-v1-4/")[2])

    def copyfile(self, source, target) -> None:
        content = source.read()
        target.write(content[: len(content) // 2])
        target.flush()
        if source.name.endswith(".safetensors"):
            self.go.wait()
        target.write(content[len(content) // 2 :])


@pytest.fixture(scope="session")
def store():
    go = threading.Event()
    handler = type("Handler", (_Handler,), {"go": go})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        running.daemon_threads = True
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield Store(f"http://127.0.0.1:{running.server_port}", go)
        go.set()
        running.shutdown()


@pytest.fixture(scope="session")
def address(tmp_path_factory, store):
    """A running ``ppt2v ui``, in whose queue one job can wait."""
    folder = tmp_path_factory.mktemp("ui")
    options = ["--port", "0", "--queue", "1", "--engine", "eager", "--folder", str(folder / "videos")]
    options += ["--model", str(MODEL), "--adapters", str(ADAPTERS)]
    homes = {"PPNLP_HOME": str(folder / "home"), "HF_HOME": str(folder / "hf"), "PPNLP_ENDPOINT": store.address}
    alone = {"PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"}  # so that a core is left for the browser
    (folder / "home").mkdir()
    with open(folder / "log", "w") as log:
        server = subprocess.Popen(
            [sys.executable, "-c", "from ppt2v.cli import main; main()", "ui", *options],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=folder,
            env={**os.environ, **homes, **alone},
        )
        try:
            line = server.stdout.readline()
            assert line.startswith("http://127.0.0.1:"), (folder / "log").read_text()
            yield line.strip()
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(PATIENCE / 1000)
    assert "Traceback" not in (folder / "log").read_text()


@pytest.fixture(scope="session")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=list(SWITCHES))
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def visit(address, browser):
    """Opens the page for one more visitor, in English unless told otherwise."""
    answered = []

    def open_page(language: str = "en-US", width: int = 1280, height: int = 1000):
        page = browser.new_context(locale=language, viewport={"width": width, "height": height}).new_page()
        page.set_default_timeout(PATIENCE)
        page.on("response", lambda response: answered.append(response.url))
        page.goto(address)
        page.locator(".videos").wait_for(state="attached")
        return page

    yield open_page
    elsewhere = [url for url in answered if not url.startswith((address, "data:", "blob:"))]
    assert answered and not elsewhere


@pytest.fixture(scope="session")
def pages(visit):
    """Those of three visitors."""
    return [visit() for _ in range(3)]
