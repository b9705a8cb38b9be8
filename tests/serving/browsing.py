"""What tests of the page do in a browser."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ppt2v import MODES, video
from ppt2v.serving.ui.words import translator

PATIENCE = int(os.environ.get("PATIENCE", 120_000))  # milliseconds, for a machine that does other things too
SHORT = {"Steps": "2", "Frames": "2", "End of the clip": "0.2"}
LONG = {"Steps": "100", "Frames": "64"}
SWITCHES = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def seen(page, selector: str):
    """What is on the tab that is open."""
    return page.locator(f"{selector} >> visible=true")


def button(page, name: str):
    return page.get_by_role("button", name=name, exact=True).locator("visible=true")


def field(page, label: str):
    number = page.get_by_role("spinbutton", name=label, exact=True)
    begins = re.compile(rf"^\s*{label}(?![A-Za-z])")  # where its help may follow
    return number.or_(page.get_by_role("textbox", name=begins)).locator("visible=true")


def tab(page, mode: str, language: str = "en"):
    return page.get_by_role("tab", name=translator(language)(mode), exact=True)


def open_tab(page, mode: str, settings: dict[str, str], prompt: str | None = None) -> None:
    """Opens a tab and enters a prompt, else the first sample, and those of the settings that it has."""
    tab(page, mode).click()
    if prompt is None:
        sample = MODES[mode].samples[0][1]
        seen(page, f"text='{sample}'").first.click()
        page.wait_for_function(
            "text => [...document.querySelectorAll('textarea')].some(e => e.value == text)", arg=sample
        )
    else:
        field(page, "Prompt").fill(prompt)
    if MODES[mode].takes_clip:
        open_group(page, "File")
    for label, value in settings.items():
        if field(page, label).count():
            field(page, label).fill(value)
            field(page, label).blur()


def open_group(page, name: str) -> None:
    """Unfolds a group of the tab that is open, if it is folded."""
    heading = seen(page, f"button.label-wrap:has-text('{name}')")
    if "open" not in (heading.get_attribute("class") or ""):
        heading.click()


def generate(page, name: str = "Generate"):
    """Presses the button; the video that will be shown."""
    shown = seen(page, ".panel video")
    former = shown.get_attribute("src") if shown.count() else ""
    button(page, name).click()
    return seen(page, f".panel video:not([src='{former}'])")


def choose(page, label: str, option: str) -> None:
    """Chooses from a list by a part of an option."""
    page.get_by_label(label, exact=True).locator("visible=true").click()
    page.get_by_role("option").filter(has_text=option, visible=True).first.click()


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
