"""One tab of the page: what a mode is told, and what it shows of its job."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from ppt2v import video
from ppt2v.environment.shipped import sample_clips
from ppt2v.errors import DiskFull, InputError, QueueFull
from ppt2v.modes import Mode
from ppt2v.parameters import Parameter, holding
from ppt2v.serving.job import CANCELLED, DONE, FAILED, Job
from ppt2v.serving.telling import without_folders

from . import choices, panels, widgets
from .visits import Visits
from .words import Translate

_LOG = logging.getLogger(__name__)
_MOST_KEPT = 24  # videos in the gallery
_MAP_FPS = 8.0


def _is_first(parameter: Parameter) -> bool:
    """Whether it stands above what is folded away."""
    return _place(parameter) < 3


def _place(parameter: Parameter) -> int:
    """The clip stands first, then the prompt, then the model."""
    if parameter.holds == "clip":
        return 0
    return 1 if parameter.positional else 2 if parameter.name == "model_name" else 3


class _Shown(NamedTuple):
    """What a tab shows of its job."""

    progress: gr.HTML
    control_map: gr.HTML
    result: gr.HTML
    generate: gr.Button
    stop: gr.Button


class Tab:
    """The components of a mode, made where they are to be seen, and what they do.

    Args:
        row: the mode.
        visits: who makes what is asked for.
        kept: where the browser keeps the ids of a visitor's videos, the newest first.
    """

    def __init__(self, row: Mode, text: Translate, visits: Visits, kept: gr.BrowserState):
        self.row, self.text, self.visits = row, text, visits
        self.parameters = choices.parameters(row, visits.jobs.limits)
        models = choices.models(row, visits.jobs.limits)
        start = choices.defaults(row, models[0])
        gr.Markdown(text(row.summary))
        with gr.Row():
            with gr.Column():
                self.entered = self._inputs(models, start)
            with gr.Column():
                self.shown = self._outputs()
        self._connect(gr.State(start), gr.State(), kept)

    def _inputs(self, models: list[str], start: Mapping[str, Any]) -> dict[str, gr.components.Component]:
        labels = widgets.labels(self.parameters, self.text)
        components = {}
        for parameter in sorted(filter(_is_first, self.parameters), key=_place):
            if parameter.name == "model_name":
                components["model_name"] = self._model(labels["model_name"], self.text(parameter.help), models)
            else:
                components[parameter.name] = self._component(parameter, labels, start)
        self._samples(components)
        with gr.Accordion(self.text("Advanced options"), open=False), gr.Row():
            components |= {
                each.name: self._component(each, labels, start) for each in self.parameters if not _is_first(each)
            }
        return components

    def _component(
        self, parameter: Parameter, labels: Mapping[str, str], start: Mapping[str, Any]
    ) -> gr.components.Component:
        return widgets.build(parameter, labels[parameter.name], start[parameter.name], self.text)

    def _model(self, label: str, info: str, models: list[str]) -> gr.Dropdown:
        return gr.Dropdown(
            models, value=models[0], label=label, info=info, allow_custom_value=self.visits.jobs.limits.at_home
        )

    def _samples(self, components: Mapping[str, gr.components.Component]) -> None:
        names = ["video_path", "prompt"] if self.row.takes_clip else ["prompt"]
        folder = sample_clips()
        rows = [[clip and str(folder / clip), prompt][-len(names) :] for clip, prompt in self.row.samples]
        if rows:
            gr.Examples(
                rows,
                [components[name] for name in names],
                label=self.text("Samples"),
                example_labels=[prompt for _, prompt in self.row.samples],  # the table of clips and prompts stays empty
                api_name=False,
            )

    def _outputs(self) -> _Shown:
        with gr.Row():
            generate = gr.Button(self.text("Generate"), variant="primary")
            stop = gr.Button(self.text("Stop"), variant="stop", interactive=False)
        return _Shown(gr.HTML(), gr.HTML(), gr.HTML(), generate, stop)

    def _connect(self, start: gr.State, made: gr.State, kept: gr.BrowserState) -> None:
        self.start, self.made, shown = start, made, self.shown
        quiet = {"show_progress": "hidden", "api_name": False, "concurrency_limit": None}
        pressed = shown.generate.click(self._generate, {*self.entered.values(), start}, [*shown, made], **quiet)
        pressed.then(self._keep, [made, kept], kept, **quiet)
        shown.stop.click(self._stop, **quiet)
        settings = {each.name: self.entered[each.name] for each in self.parameters if not _is_first(each)}
        self.entered["model_name"].change(
            self._adapt, {*settings.values(), self.entered["model_name"], start}, [*settings.values(), start], **quiet
        )

    def _generate(self, data: Mapping[Any, Any], request: gr.Request) -> Iterator[dict]:
        """Makes a video and shows how far it is."""
        shown = self.shown
        busy = {shown.generate: gr.update(interactive=False), shown.stop: gr.update(interactive=True)}
        idle = {shown.generate: gr.update(interactive=True), shown.stop: gr.update(interactive=False)}
        yield {**busy, shown.progress: "", shown.control_map: "", shown.result: "", self.made: None}
        entered = {name: data[component] for name, component in self.entered.items()}
        try:
            given = widgets.given(self.parameters, entered, data[self.start])
            yield from self._follow(self.visits.make(request.session_hash, self.row.name, given))
        except Exception as error:  # whatever it is, the visitor goes on
            yield {shown.progress: panels.failure(self._explained(error, entered), self.text)}
        yield idle

    def _follow(self, going_on: Iterator[Job]) -> Iterator[dict]:
        drawn = None
        for job in going_on:
            update = self._show(job)
            if job.control_map is not None and drawn is None:
                drawn = panels.control_map(job.control_map, _MAP_FPS, self.text)
                update[self.shown.control_map] = drawn
            yield update

    def _show(self, job: Job) -> dict:
        shown, text = self.shown, self.text
        if job.state == DONE:
            return {
                shown.progress: panels.advice(job, text),
                shown.result: panels.result(job, video.read_recipe(job.path), text),
                self.made: job.id,
            }
        if job.state == FAILED:
            return {shown.progress: panels.failure(job.error, text)}
        if job.state == CANCELLED:
            return {shown.progress: panels.stopped(text)}
        return {shown.progress: panels.progress(job, self.visits.ahead(job), text)}

    def _keep(self, made: str | None, kept: Any) -> list[str]:
        """The ids for the browser to keep: those that it has kept, which may be anything, and one more."""
        before = kept if isinstance(kept, list) else []
        return [job.id for job in self.visits.finished([made, *before])][:_MOST_KEPT]

    def _explained(self, error: Exception, entered: Mapping[str, Any]) -> str:
        """What went wrong, without the folder in which uploads lie."""
        if isinstance(error, QueueFull):
            return self.text("Too many jobs wait already: try again later.")
        if isinstance(error, DiskFull):
            return self.text("The disk of this service is full: its operator has to make room.")
        if not isinstance(error, InputError):
            _LOG.error("a page of the mode %s failed", self.row.name, exc_info=error)
            return self.text("Something went wrong that should not have; the log of the service says what.")
        message = str(error)
        for clip in (entered.get(name) for name in holding(self.parameters, "clip")):
            message = message.replace(f"{Path(clip).parent}{os.sep}", "") if clip else message
        return message if self.visits.jobs.limits.at_home else without_folders(message)

    def _stop(self, request: gr.Request) -> None:
        self.visits.stop(request.session_hash, self.row.name)

    def _adapt(self, data: Mapping[Any, Any]) -> dict:
        """Shows what another model brings along, but for what the visitor has changed already."""
        before, after = data[self.start], choices.defaults(self.row, data[self.entered["model_name"]])
        update = {self.start: after}
        for parameter in self.parameters:
            component, old = self.entered[parameter.name], widgets.entry(parameter, before[parameter.name])
            if not _is_first(parameter) and data[component] == old:
                update[component] = widgets.entry(parameter, after[parameter.name])
        return update
