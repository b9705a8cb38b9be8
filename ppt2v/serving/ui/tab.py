"""One tab of the page: what its buttons do with a mode's form and with the job that it follows."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from ppt2v.errors import DiskFull, InputError, QueueFull
from ppt2v.modes import Mode
from ppt2v.parameters import holding
from ppt2v.serving.fairness import client
from ppt2v.serving.job import Job, Terms
from ppt2v.serving.telling import without_folders

from . import panels
from .form import QUIET, Form
from .live import live
from .visits import Visits
from .words import Translate

_LOG = logging.getLogger(__name__)
_MOST_KEPT = 48  # jobs whose ids the browser keeps


class Tab:
    """The components of a mode, made where they are to be seen, and what they do.

    Args:
        row: the mode.
        text: gives the words of the page's language.
        visits: who makes what is asked for.
        is_kept: as of ``Form``.
        kept: where the browser keeps the ids of a visitor's jobs, the newest first.
    """

    def __init__(
        self, row: Mode, text: Translate, visits: Visits, is_kept: Callable[[str], bool], kept: gr.BrowserState
    ):
        self.row, self.text, self.visits, self._kept = row, text, visits, kept
        gr.Markdown(text(row.summary))
        with gr.Row():
            with gr.Column():
                self.form = Form(row, text, visits.jobs.limits, is_kept)
            with gr.Column():
                with gr.Row():
                    self._generate = gr.Button(text("Generate"), variant="primary", min_width=100)
                    self._stop = gr.Button(text("Stop"), variant="stop", interactive=False, min_width=100)
                self._refusal = gr.HTML(elem_classes="refusal")
                self.job = live(panels.PARTS)
        self._connect()

    def _connect(self) -> None:
        form = self.form
        followed = [self.job, self._refusal, self._generate, self._stop]
        self._generate.click(
            self._make, {*form.entered.values(), form.start, self._kept}, [*followed, self._kept], **QUIET
        )
        self._stop.click(self._cancel, self.job, **QUIET)
        self.job.finished(self._at_rest, None, [self._generate, self._stop], **QUIET)
        form.entered["model_name"].input(form.adapt, {*form.entered.values(), form.start}, form.filled, **form.quiet)
        form.random.click(lambda: "", None, form.entered["seed"], **QUIET)
        form.again.click(self._last_seed, self.job, form.entered["seed"], **QUIET)

    def restore_on(self, event: Callable) -> None:
        """Shows at an event what the browser has kept: what was entered, and the job that was asked for last."""
        self.form.restore_on(event)
        shown = [self.job, self._generate, self._stop]
        event(self._follow_last, self._kept, shown, **self.form.quiet)

    def _follow_last(self, kept: Any) -> dict[Any, Any]:
        job = self.visits.latest(kept, self.row.name)
        return {self.job: gr.skip()} if job is None else self._following(job)

    def _following(self, job: Job) -> dict[Any, Any]:
        if job.finished:
            return {self.job: address(job.id), **self._at_rest()}
        return {
            self.job: address(job.id),
            self._generate: gr.update(interactive=False),
            self._stop: gr.update(interactive=True),
        }

    def _at_rest(self) -> dict[Any, Any]:
        return {self._generate: gr.update(interactive=True), self._stop: gr.update(interactive=False)}

    def _make(self, data: Mapping[Any, Any], request: gr.Request) -> dict[Any, Any]:
        """Asks for a video, and follows its job."""
        try:
            self._check_here(data[self.form.entered["model_name"]])
            job = self.visits.jobs.submit(self.row.name, self.form.given(data), Terms(client=client(request.request)))
        except Exception as error:  # whatever it is, the visitor goes on
            return {self._refusal: panels.failure(self._explained(error, data), self.text)}
        kept = [job.id for job in self.visits.known(data[self._kept])]
        return {**self._following(job), self._refusal: "", self._kept: [job.id, *kept][:_MOST_KEPT]}

    def _check_here(self, model: str | None) -> None:
        if model and self.form.address(model):
            raise InputError("E-MODEL-NOT-HERE", "the model {model} is not here yet: download it first", model=model)

    def _explained(self, error: Exception, data: Mapping[Any, Any]) -> str:
        """What went wrong, without the folder in which uploads lie."""
        if isinstance(error, QueueFull):
            return self.text("Too many jobs wait already: try again later.")
        if isinstance(error, DiskFull):
            return self.text("The disk of this service is full: its operator has to make room.")
        if not isinstance(error, InputError):
            _LOG.error("a page of the mode %s failed", self.row.name, exc_info=error)
            return self.text("Something went wrong that should not have; the log of the service says what.")
        message = self.text(error.message)
        for clip in (data[self.form.entered[name]] for name in holding(self.form.parameters, "clip")):
            message = message.replace(f"{Path(clip).parent}{os.sep}", "") if clip else message
        return message if self.visits.jobs.limits.at_home else without_folders(message)

    def _cancel(self, address: str) -> None:
        for job in self._shown(address):
            self.visits.jobs.cancel(job.id)

    def _last_seed(self, address: str) -> str:
        return next((str(job.values["seed"]) for job in self._shown(address)), "")

    def _shown(self, address: str) -> list[Job]:
        return self.visits.known([address.removeprefix(_JOBS)])


_JOBS = "jobs/"


def address(id: str) -> str:
    """Where the page sees how a job stands."""
    return f"{_JOBS}{id}"
