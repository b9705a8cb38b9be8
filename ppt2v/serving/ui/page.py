"""The page in one language: a tab for each row of ``MODES``, and the visitor's videos below."""

from __future__ import annotations

from collections.abc import Callable

import gradio as gr

from ppt2v.modes import MODES

from .gallery import Gallery
from .tab import Tab
from .visits import Visits
from .words import LANGUAGES, NAMES, Translate, translator

_TITLE = "Text to video on PaddlePaddle"
_NOTICE = (
    "The model that ships with ppt2v knows about fifty subjects in about a dozen places, at 128x128 pixels. For "
    "anything else choose another model."
)
_HOUR, _DAY = 3600, 86400  # seconds


def build(language: str, visits: Visits, is_kept: Callable[[str], bool]) -> gr.Blocks:
    """The page in a language; uploads older than a day are removed every hour.

    Args:
        language: a key of ``LANGUAGES``. A visitor's language is that of the page's address (``/en/``, ``/zh/``), to
            which ``/`` leads as the browser asks (``words.preferred``).
        visits: who makes what is asked for.
        is_kept: whether a path is that of a clip which a visitor may have chosen.
    """
    text = translator(language)
    with gr.Blocks(title="ppt2v", analytics_enabled=False, delete_cache=(_HOUR, _DAY)) as page:
        _heading(language, text)
        # The browser keeps the ids: they are there after a reload, and in the other language.
        kept = gr.BrowserState([], storage_key="ppt2v", secret="ppt2v")
        tabs = {}
        with gr.Tabs() as board:
            for row in MODES.values():
                with gr.Tab(text(row.name), id=row.name):
                    tabs[row.name] = Tab(row, text, visits, is_kept, kept)
        gallery = Gallery(tabs, board, text, visits, kept)
        for tab in tabs.values():
            tab.restore_on(page.load)
        gallery.restore_on(page.load)
    return page


def _heading(language: str, text: Translate) -> None:
    others = [f"<a href='../{other}/' lang='{other}'>{NAMES[other]}</a>" for other in LANGUAGES if other != language]
    gr.HTML(f"<h1>ppt2v: {text(_TITLE)}</h1><p>{text(_NOTICE)} {' '.join(others)}</p>")
