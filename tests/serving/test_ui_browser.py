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

pytest.importorskip("gradio", minversion="6.17")
playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect

CHROMIUM = shutil.which("chromium")
PICTURE = os.environ.get("PPT2V_UI_PICTURE")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium (Debian: apt-get install chromium)"),
]
SWITCHES = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE = 120_000  # milliseconds, for a machine that does other things too
expect.set_options(timeout=PATIENCE)
SHORT = {"Steps": "2", "Frames": "2", "End of the clip": "0.2"}
LONG = {"Steps": "100", "Frames": "64"}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A running ``ppt2v ui``, in whose queue one job can wait."""
    folder = tmp_path_factory.mktemp("ui")
    command = [
        sys.executable,
        "-c",
        "from ppt2v.cli import main; main()",
        "ui",
        "--port",
        "0",
        "--queue",
        "1",
        "--engine",
        "eager",
        "--folder",
        str(folder / "videos"),
    ]
    with open(folder / "log", "w") as log:
        server = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=folder,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        try:
            line = server.stdout.readline()
            assert line.startswith("http://127.0.0.1:"), (folder / "log").read_text()
            yield line.strip()
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(PATIENCE / 1000)
    assert "Traceback" not in (folder / "log").read_text()


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=list(SWITCHES))
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def visit(address, browser):
    """Opens the page for one more visitor, in English unless told otherwise."""
    answered = []

    def open_page(language: str = "en-US"):
        page = browser.new_context(locale=language, viewport={"width": 1280, "height": 1000}).new_page()
        page.set_default_timeout(PATIENCE)
        page.on("response", lambda response: answered.append(response.url))
        page.goto(address)
        page.locator(".videos").wait_for(state="attached")
        return page

    yield open_page
    elsewhere = [url for url in answered if not url.startswith((address, "data:", "blob:"))]
    assert answered and not elsewhere


@pytest.fixture(scope="module")
def pages(visit):
    """Those of three visitors."""
    return [visit() for _ in range(3)]


def seen(page, selector: str):
    """What is on the tab that is open."""
    return page.locator(f"{selector} >> visible=true")


def open_tab(page, mode: str, settings: dict[str, str], prompt: str | None = None) -> None:
    """Opens a tab and enters a prompt, else the first sample, and those of the settings that it has."""
    page.get_by_role("tab", name=mode, exact=True).click()
    if prompt is None:
        sample = MODES[mode].samples[0][1]
        seen(page, f"text='{sample}'").first.click()
        expect(field(page, "Prompt")).to_have_value(sample)
    else:
        field(page, "Prompt").fill(prompt)
    advanced = seen(page, "button:has-text('Advanced options')")
    advanced.click()
    for label, value in settings.items():
        if field(page, label).count():
            field(page, label).fill(value)
            field(page, label).blur()
    advanced.click()


def field(page, label: str):
    number = page.get_by_role("spinbutton", name=label, exact=True)
    return number.or_(page.get_by_role("textbox", name=re.compile(rf"^\s*{label}\b"))).locator("visible=true")


def generate(page):
    """Presses the button; the video that will be shown."""
    shown = seen(page, ".panel video")
    former = shown.get_attribute("src") if shown.count() else ""
    seen(page, "button:has-text('Generate')").click()
    return seen(page, f".panel video:not([src='{former}'])")


def upload(page, file: Path) -> None:
    clear = seen(page, "[aria-label=Clear]")
    if clear.count():
        clear.click()
    page.get_by_role("tabpanel").locator("visible=true").locator("input[type=file]").first.set_input_files(file)


def recipe(page, folder: Path) -> dict:
    """That of the video on the open tab, by way of its download."""
    with page.expect_download() as download:
        seen(page, ".panel a[download]").click()
    file = folder / download.value.suggested_filename
    download.value.save_as(file)
    assert len(video.read(file, multiple=1).frames) > 0
    return video.read_recipe(file)


@pytest.mark.parametrize("mode", MODES)
def test_each_tab_makes_a_video(pages, mode, tmp_path):
    if next(each.default for each in MODES[mode].parameters if each.name == "model_name") is None:
        pytest.skip(f"no model ships for {mode} yet")
    page = pages[0]
    open_tab(page, mode, SHORT)
    expect(generate(page)).to_have_js_property("readyState", 4)  # it plays
    made = recipe(page, tmp_path)
    assert made["mode"] == mode and made["parameters"]["num_inference_steps"] == 2
    assert made["parameters"]["prompt"] == MODES[mode].samples[0][1]
    expect(page.locator(".videos figcaption").first).to_contain_text(made["parameters"]["prompt"])
    expect(seen(page, "b:text('Control map')")).to_have_count(int(MODES[mode].control is not None))


@pytest.mark.skipif(PICTURE is None, reason="PPT2V_UI_PICTURE names no file for the README's picture")
def test_the_readmes_picture(visit):
    page = visit()
    open_tab(page, "canny", {})
    expect(generate(page)).to_have_js_property("readyState", 4, timeout=600_000)
    page.screenshot(path=PICTURE, full_page=True)
    assert Path(PICTURE).stat().st_size < 300_000


def test_each_visitor_gets_their_own_video_and_markup_is_text(pages, tmp_path):
    prompts = ["a fox <img src=x onerror='document.title = `hacked`'>", "a <b>dog</b> on the beach"]
    made = []
    for page, prompt in zip(pages, prompts):
        open_tab(page, "text2video", SHORT, prompt)
        made.append(generate(page))
    for page, shown, prompt, other in zip(pages, made, prompts, reversed(prompts)):
        expect(shown).to_be_visible()
        assert recipe(page, tmp_path)["parameters"]["prompt"] == prompt
        expect(page.locator(".videos figcaption").first).to_contain_text(prompt)
        expect(page.locator(".videos")).not_to_contain_text(other)
        assert page.title() == "ppt2v" and not page.locator("figcaption img, figcaption b").count()


def test_a_job_is_watched_and_stopped_and_a_full_queue_says_so(pages):
    first, second, third = pages
    open_tab(first, "text2video", LONG, "a fox")
    generate(first)
    expect(seen(first, ".panel progress[value]")).to_be_visible()
    expect(seen(first, ".panel img")).to_be_visible()
    expect(seen(first, "[role=status]")).to_contain_text("s left")
    open_tab(second, "text2video", SHORT, "a dog")
    waited_for = generate(second)
    expect(seen(second, "[role=status]")).to_contain_text("jobs ahead of yours: 1")
    open_tab(third, "text2video", SHORT, "a cat")
    generate(third)
    expect(seen(third, "[role=alert]")).to_contain_text("Too many jobs wait")
    seen(first, "button:has-text('Stop')").click()
    expect(seen(first, "[role=status]")).to_have_text("Stopped.")
    expect(seen(first, "button:has-text('Generate')")).to_be_enabled()
    expect(waited_for).to_be_visible()


def test_a_closed_page_stops_its_job(visit, pages):
    leaving, staying = visit(), pages[1]
    open_tab(leaving, "text2video", LONG, "a fox")
    generate(leaving)
    expect(seen(leaving, ".panel progress")).to_be_visible()
    leaving.close()
    open_tab(staying, "text2video", SHORT, "a dog")
    expect(generate(staying)).to_be_visible()


def test_a_bad_upload_and_a_bad_number_say_so(pages, tmp_path):
    page, fake = pages[0], tmp_path / "holiday.mp4"
    fake.write_bytes(b"this is no video")
    open_tab(page, "canny", {}, "a bear")
    upload(page, fake)
    expect(page.get_by_text("the file is no video that is taken here")).to_be_visible()
    open_tab(page, "text2video", {"Steps": "0"}, "a bear")
    generate(page)
    expect(seen(page, ".failure")).to_contain_text("num_inference_steps=0: the rule is a whole number >= 1")


def test_an_upload_that_is_too_large_is_refused(pages, tmp_path):
    page, large = pages[0], tmp_path / "large.mp4"
    with open(large, "wb") as file:
        file.truncate(51_000_000)
    open_tab(page, "canny", {}, "a bear")
    upload(page, large)
    expect(page.get_by_text("exceed the maximum allowed size")).to_be_visible()


def test_the_browsers_language_is_spoken(visit):
    page = visit("zh-CN")
    expect(page.get_by_role("tab", name="文本生成视频", exact=True)).to_be_visible()
    expect(seen(page, "button:text('生成')").first).to_be_visible()
    page.get_by_role("link", name="English").click()
    expect(page.get_by_role("tab", name="text2video", exact=True)).to_be_visible()
