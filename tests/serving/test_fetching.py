"""Downloads for the page, each in a process of its own; the models come from a server in this one."""

from __future__ import annotations

import time

import pytest
from served_page import MODEL

from ppt2v.models.sources import locate
from ppt2v.serving.ui.fetching import Downloads

pytest_plugins = ["served_page"]
pytestmark = pytest.mark.slow  # each download starts a process, which imports Paddle
NAME = "CompVis/stable-diffusion-v1-4"


@pytest.fixture
def home(monkeypatch, tmp_path, store):
    monkeypatch.setenv("PPNLP_HOME", str(tmp_path))
    monkeypatch.setenv("PPNLP_ENDPOINT", store.address)
    return tmp_path


def until(holds) -> None:
    end = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_download_is_stopped_and_goes_on_where_it_stopped(home, store):
    store.go.clear()
    downloads = Downloads()
    assert downloads.state(NAME) == (False, 0, None) and locate.would_download(NAME)
    downloads.start(NAME)
    downloads.start(NAME)  # which is on its way already
    until(lambda: downloads.state(NAME).received > 10_000)
    downloads.cancel(NAME)
    stopped = downloads.state(NAME)
    assert not stopped.runs and stopped.error is None and locate.would_download(NAME)
    store.go.set()
    downloads.start(NAME)
    until(lambda: not downloads.state(NAME).runs)
    whole = downloads.state(NAME)
    assert whole.error is None and whole.received > stopped.received > 0 and not locate.would_download(NAME)
    weights = "unet/diffusion_pytorch_model.safetensors"
    assert (locate.locate(NAME) / weights).read_bytes() == (MODEL / weights).read_bytes()


def test_what_cannot_be_downloaded_is_told(home):
    downloads = Downloads()
    downloads.start("org/unknown")
    until(lambda: not downloads.state("org/unknown").runs)
    assert "no model of this name" in str(downloads.state("org/unknown").error)
