"""The page in a real browser: Chromium, on the embedded models."""
from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ppt2v import MODES, video

pytest.importorskip("gradio")
playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium (Debian: apt-get install chromium)"),
]
PICTURE = os.environ.get("PPT2V_UI_PICTURE")
SWITCHES = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync")
PATIENCE = 60_000  # milliseconds, for a machine that does other things too
expect.set_options(timeout=PATIENCE)
# Two steps and two frames.
SHORT = {"Steps": "2", "Frames": "2", "End of the clip": "0.2"}
LONG = {"Steps": "100", "Frames": "64"}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A running ``ppt2v ui``, in whose queue one job can wait."""
    folder = tmp_path_factory.mktemp("ui")
    command = [sys.executable, "-c", "from ppt2v.cli import main; main()", "ui", "--port", "0", "--queue", "1",
               "--engine", "eager", "--folder", str(folder / "videos")]
    with open(folder / "log", "w+") as log:
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=folder,
                                  env={**os.environ, "PYTHONUNBUFFERED": "1"})
        try:
            line = server.stdout.readline()
            assert line.startswith("http://127.0.0.1:"), Path(log.name).read_text()
            yield line.strip()
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(60)
        assert "Traceback" not in Path(log.name).read_text(), Path(log.name).read_text()


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=list(SWITCHES))
        yield opened
        opened.close()


@pytest.fixture
def visit(address, browser):
    """Opens the page for one more visitor, in English unless told otherwise."""
    visitors, answers = [], []

    def open_page(language: str = "en-US"):
        visitor = browser.new_context(locale=language, viewport={"width": 1280, "height": 1000})
        visitors.append(visitor)
        page = visitor.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("response", lambda response: answers.append(response.url))
        page.goto(address)
        return page

    yield open_page
    for visitor in visitors:
        visitor.close()
    elsewhere = [url for url in answers if not url.startswith((address, "data:", "blob:"))]
    assert answers and not elsewhere


@pytest.fixture
def page(visit):
    return visit()


def seen(page, selector: str):
    """What is on the tab that is open."""
    return page.locator(f"{selector} >> visible=true")


def open_tab(page, mode: str, settings: dict[str, str], prompt: str | None = None) -> None:
    """Opens a tab and enters a prompt, else the first sample, and those of the settings that it has."""
    page.get_by_role("tab", name=mode, exact=True).click()
    clip, sample = MODES[mode].samples[0]
    if prompt is None:
        seen(page, f"text='{sample}'").first.click()
        expect(field(page, "Prompt")).to_have_value(sample)
    else:
        field(page, "Prompt").fill(prompt)
    seen(page, "button:has-text('Advanced options')").click()
    for label, value in settings.items():
        if field(page, label).count():
            field(page, label).fill(value)
            field(page, label).blur()
    seen(page, "button:has-text('Advanced options')").click()


def field(page, label: str):
    number = page.get_by_role("spinbutton", name=label, exact=True)
    return number.or_(page.get_by_role("textbox", name=re.compile(rf"^\s*{label}\b"))).locator("visible=true")


def generate(page) -> None:
    seen(page, "button:has-text('Generate')").click()


def recipe(page, folder: Path) -> dict:
    """That of the video on the open tab, by way of its download."""
    with page.expect_download() as download:
        seen(page, ".panel a[download]").click()
    file = folder / download.value.suggested_filename
    download.value.save_as(file)
    assert len(video.read(file, multiple=1).frames) > 0
    return video.read_recipe(file)


@pytest.mark.parametrize("mode", MODES)
def test_each_tab_makes_a_video(page, mode, tmp_path):
    if next(each.default for each in MODES[mode].parameters if each.name == "model_name") is None:
        pytest.skip(f"no model ships for {mode} yet")
    open_tab(page, mode, SHORT)
    generate(page)
    expect(seen(page, ".panel video")).to_be_visible()
    made = recipe(page, tmp_path)
    assert made["mode"] == mode and made["parameters"]["prompt"] == MODES[mode].samples[0][1]
    assert made["parameters"]["num_inference_steps"] == 2
    assert seen(page, "b:text('Control map')").count() == (MODES[mode].control is not None)
    page.wait_for_function("document.querySelector('.panel video').readyState >= 2")  # it plays
    expect(page.locator(".gallery figure")).to_have_count(1)


@pytest.mark.skipif(PICTURE is None, reason="PPT2V_UI_PICTURE names no file for the README's picture")
def test_the_readmes_picture(page):
    open_tab(page, "canny", {})
    generate(page)
    expect(seen(page, ".panel video")).to_be_visible(timeout=600_000)
    page.wait_for_function("document.querySelector('.panel video').readyState >= 2")
    page.screenshot(path=PICTURE, full_page=True)
    assert Path(PICTURE).stat().st_size < 300_000


def test_each_visitor_gets_their_own_video_and_markup_is_text(visit, tmp_path):
    prompts = "a fox <img src=x onerror='document.title = `hacked`'>", "a <b>dog</b> on the beach"
    pages = [visit() for _ in prompts]
    for page, prompt in zip(pages, prompts):
        open_tab(page, "text2video", SHORT, prompt)
        generate(page)
    for page, prompt in zip(pages, prompts):
        expect(seen(page, ".panel video")).to_be_visible()
        assert recipe(page, tmp_path)["parameters"]["prompt"] == prompt
        expect(page.locator(".gallery figure")).to_have_count(1)
        assert page.locator(".gallery figcaption").inner_text().startswith(prompt)
        assert page.title() == "ppt2v" and not page.locator("figcaption img, figcaption b").count()


def test_a_job_is_watched_and_stopped_and_a_full_queue_says_so(visit):
    first, second, third = (visit() for _ in range(3))
    open_tab(first, "text2video", LONG, "a fox")
    generate(first)
    expect(seen(first, ".panel progress[value]")).to_be_visible()
    expect(seen(first, ".panel img")).to_be_visible()
    expect(seen(first, "[role=status]")).to_contain_text("s left")
    open_tab(second, "text2video", SHORT, "a dog")
    generate(second)
    expect(seen(second, "[role=status]")).to_contain_text("jobs ahead of yours: 1")
    open_tab(third, "text2video", SHORT, "a cat")
    generate(third)
    expect(seen(third, "[role=alert]")).to_contain_text("Too many jobs wait")
    seen(first, "button:has-text('Stop')").click()
    expect(seen(first, "[role=status]")).to_have_text("Stopped.")
    expect(seen(first, "button:has-text('Generate')")).to_be_enabled()
    expect(seen(second, ".panel video")).to_be_visible()


def test_a_closed_page_stops_its_job(visit):
    leaving, staying = visit(), visit()
    open_tab(leaving, "text2video", LONG, "a fox")
    generate(leaving)
    expect(seen(leaving, ".panel progress")).to_be_visible()
    leaving.close()
    open_tab(staying, "text2video", SHORT, "a dog")
    generate(staying)
    expect(seen(staying, ".panel video")).to_be_visible()


def test_a_bad_upload_and_a_bad_number_say_so(page, tmp_path):
    fake = tmp_path / "holiday.mp4"
    fake.write_bytes(b"this is no video")
    open_tab(page, "canny", {}, "a bear")
    page.get_by_role("tabpanel").locator("visible=true").locator("input[type=file]").first.set_input_files(fake)
    generate(page)
    alert = seen(page, "[role=alert]")
    expect(alert).to_contain_text("video")
    assert str(tmp_path) not in alert.inner_text() and "uploads" not in alert.inner_text()
    open_tab(page, "text2video", {"Steps": "0"}, "a bear")
    generate(page)
    expect(seen(page, "[role=alert]")).to_contain_text("num_inference_steps=0: the rule is a whole number >= 1")


def test_an_upload_that_is_too_large_is_refused(page, tmp_path):
    large = tmp_path / "large.mp4"
    with open(large, "wb") as file:
        file.truncate(51_000_000)
    open_tab(page, "canny", {}, "a bear")
    page.get_by_role("tabpanel").locator("visible=true").locator("input[type=file]").first.set_input_files(large)
    expect(page.get_by_text("File size exceeds the maximum allowed size")).to_be_visible()


def test_the_browsers_language_is_spoken(visit):
    page = visit("zh-CN")
    expect(page.get_by_role("tab", name="文本生成视频")).to_be_visible()
    expect(seen(page, "button:has-text('生成')").first).to_be_visible()
    page.get_by_role("link", name="English").click()
    expect(page.get_by_role("tab", name="text2video")).to_be_visible()
