"""The page in a real browser: Chromium, on the embedded models and on a tiny one."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from browsing import (
    LONG,
    PATIENCE,
    SHORT,
    button,
    generate,
    open_tab,
    recipe,
    seen,
    tab,
    upload,
)

from ppt2v import MODES

pytest_plugins = ["served_page"]
pytest.importorskip("gradio", minversion="6.17")
expect = pytest.importorskip("playwright.sync_api").expect

PICTURE = os.environ.get("PPT2V_UI_PICTURE")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        shutil.which("chromium") is None, reason="there is no Chromium (Debian: apt-get install chromium)"
    ),
]
expect.set_options(timeout=PATIENCE)


@pytest.mark.parametrize("mode", [row.name for row in MODES.values() if row.samples])
def test_each_tab_makes_a_video(pages, mode, tmp_path):
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
    expect(seen(first, "[role=status]")).to_contain_text("Making the frames")
    expect(seen(first, "[role=status]")).to_contain_text("s left")
    open_tab(second, "text2video", SHORT, "a dog")
    waited_for = generate(second)
    expect(seen(second, "[role=status]")).to_contain_text("jobs ahead of yours: 1")
    open_tab(third, "text2video", SHORT, "a cat")
    generate(third)
    expect(seen(third, "[role=alert]")).to_contain_text("Too many jobs wait")
    button(first, "Stop").click()
    expect(seen(first, "[role=status]")).to_have_text("Stopped.")
    expect(button(first, "Generate")).to_be_enabled()
    expect(waited_for).to_be_visible()


def test_a_bad_upload_and_a_bad_number_say_so(pages, tmp_path):
    page, fake = pages[0], tmp_path / "holiday.mp4"
    fake.write_bytes(b"this is no video")
    open_tab(page, "canny", {}, "a bear")
    upload(page, fake)
    expect(page.get_by_text("the file is no video that is taken here")).to_be_visible()
    open_tab(page, "text2video", {"Steps": "0"}, "a bear")
    generate(page)
    expect(seen(page, ".refusal .failure")).to_contain_text("num_inference_steps=0: the rule is a whole number >= 1")


def test_an_upload_that_is_too_large_is_refused(pages, tmp_path):
    page, large = pages[0], tmp_path / "large.mp4"
    with open(large, "wb") as file:
        file.truncate(51_000_000)
    open_tab(page, "canny", {}, "a bear")
    upload(page, large)
    expect(page.get_by_text("exceed the maximum allowed size")).to_be_visible()


def test_the_browsers_language_is_spoken(visit):
    page = visit("zh-CN")
    expect(tab(page, "text2video", "zh")).to_be_visible()
    expect(button(page, "生成")).to_be_visible()
    page.get_by_role("link", name="English").click()
    expect(tab(page, "text2video")).to_be_visible()
