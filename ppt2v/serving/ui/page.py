"""The page in one language: a tab for each row of ``MODES``, and the visitor's videos below."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ppt2v.modes import MODES

from . import panels
from .tab import Tab
from .visits import Visits
from .words import LANGUAGES, NAMES, Translate, translator

_TITLE = "Text to video on PaddlePaddle"
_NOTICE = (
    "The model that ships with ppt2v knows about fifty subjects in about a dozen places, at 128x128 pixels. For "
    "anything else choose another model."
)
# Gradio's own themes fetch their fonts from Google.
_FONTS = {
    "font": [gr.themes.Font("system-ui"), gr.themes.Font("sans-serif")],
    "font_mono": [gr.themes.Font("ui-monospace"), gr.themes.Font("monospace")],
}
_HOUR, _DAY = 3600, 86400  # seconds


def build(language: str, visits: Visits) -> gr.Blocks:
    """The page in a language, a key of ``LANGUAGES``; uploads older than a day are removed every hour."""
    text = translator(language)
    with gr.Blocks(title="ppt2v", analytics_enabled=False, delete_cache=(_HOUR, _DAY)) as page:
        _heading(language, text)
        # The browser keeps the ids: they are there after a reload, and in the other language.
        kept = gr.BrowserState([], storage_key="ppt2v", secret="ppt2v")
        for row in MODES.values():
            with gr.Tab(text(row.name), id=row.name):
                Tab(row, text, visits, kept)
        gr.Markdown(f"### {text('Your videos')}")
        gr.on(
            [page.load, kept.change],
            lambda ids: panels.gallery(visits.finished(ids), text),
            kept,
            gr.HTML(),
            show_progress="hidden",
            api_name=False,
        )

        def leave(request: gr.Request) -> None:
            visits.leave(request.session_hash)

        page.unload(leave)
    return page


def look(language: str) -> dict[str, Any]:
    """What a page is mounted with: its fonts, its style, and the language that it tells the browser."""
    speak = f"() => {{ document.documentElement.lang = '{language}' }}"
    return {"theme": gr.themes.Default(**_FONTS), "css": panels.CSS, "js": speak}


def _heading(language: str, text: Translate) -> None:
    others = [f"<a href='../{other}/' lang='{other}'>{NAMES[other]}</a>" for other in LANGUAGES if other != language]
    gr.HTML(f"<h1>ppt2v: {text(_TITLE)}</h1><p>{text(_NOTICE)} {' '.join(others)}</p>")
