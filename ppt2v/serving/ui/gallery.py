"""The visitor's videos, below all tabs: what they were made with, to be used again, and to be deleted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr

from . import panels
from .form import QUIET
from .tab import Tab, address
from .visits import Visits
from .words import Translate

_ACT = """
const ACTIONS = ['use', 'delete'];
element.addEventListener('click', (event) => {
    const { action, id, sure } = event.target.dataset;
    if (ACTIONS.includes(action) && (!sure || confirm(sure))) trigger(action, { id });
});
"""


class Gallery:
    """The videos whose ids a browser keeps.

    Args:
        tabs: those of the page, by mode, in ``board``.
        kept: as of ``Tab``.
    """

    def __init__(self, tabs: Mapping[str, Tab], board: gr.Tabs, text: Translate, visits: Visits, kept: gr.BrowserState):
        self._tabs, self._board, self._text, self._visits, self._kept = tabs, board, text, visits, kept
        gr.Markdown(f"### {text('Your videos')}")
        self._shown = gr.HTML(js_on_load=_ACT)
        filled = [each for tab in tabs.values() for each in tab.form.filled]
        self._shown.use(self._use, None, [board, *filled], **QUIET, show_progress_on=self._shown)
        followed = [tab.job for tab in tabs.values()]
        self._shown.delete(self._delete, {kept, *followed}, [kept, self._shown, *followed], **QUIET)
        for changed in (kept.change, *(tab.job.finished for tab in tabs.values())):
            changed(self._show, kept, self._shown, **QUIET)

    def restore_on(self, event: Callable) -> None:
        """Shows at an event what the browser has kept."""
        event(self._show, self._kept, self._shown, **QUIET)

    def _show(self, kept: Any) -> str:
        return panels.gallery(self._visits.finished(kept), self._text)

    def _use(self, event: gr.EventData) -> dict[Any, Any]:
        """Fills in what a video was made with, and opens its tab."""
        for job in self._visits.known([event.id]):
            form = self._tabs[job.mode].form
            return {self._board: gr.Tabs(selected=job.mode), **form.fill(form.entries(job.values))}
        return {self._board: gr.skip()}

    def _delete(self, data: Mapping[Any, Any], event: gr.EventData) -> dict[Any, Any]:
        """Deletes a video, which the tab that shows it shows no longer."""
        for job in self._visits.known([event.id]):
            self._visits.jobs.delete(job.id)
        gone = {tab.job: "" for tab in self._tabs.values() if data[tab.job] == address(event.id)}
        ids = [job.id for job in self._visits.known(data[self._kept])]
        return {self._kept: ids, self._shown: self._show(ids), **gone}
