"""The page in one language: a tab for each row of ``MODES``, and the visitor's videos below."""
from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from .. import video
from ..errors import DiskFull, InputError, QueueFull
from ..job import CANCELLED, DONE, FAILED, Job
from ..limits import CLIPS
from ..modes import MODES, Mode
from . import choices, panels, widgets
from .visits import Visits
from .words import LANGUAGES, NAMES, Translate, translator

_TITLE = "Text to video on PaddlePaddle"
_NOTICE = ("The model that ships with ppt2v knows about fifty subjects in about a dozen places, at 128x128 pixels. For "
           "anything else choose another model.")
_MOST_KEPT = 24  # videos in the gallery
_MAP_FPS = 8.0
# Gradio's own themes fetch their fonts from Google.
_FONTS = {"font": [gr.themes.Font("system-ui"), gr.themes.Font("sans-serif")],
          "font_mono": [gr.themes.Font("ui-monospace"), gr.themes.Font("monospace")]}
_FIRST = (*CLIPS, "prompt", "model_name")  # the rest is folded away


class _Shown(NamedTuple):
    """What a tab shows of its job."""

    progress: gr.HTML
    control_map: gr.HTML
    result: gr.HTML
    generate: gr.Button
    stop: gr.Button


def build(language: str, visits: Visits) -> gr.Blocks:
    """The page in a language, a key of ``LANGUAGES``."""
    text = translator(language)
    theme = gr.themes.Default(**_FONTS)
    speak = f"() => {{ document.documentElement.lang = '{language}' }}"
    with gr.Blocks(title="ppt2v", theme=theme, css=panels.CSS, js=speak, analytics_enabled=False,
                   delete_cache=(3600, 86400)) as page:
        _heading(language, text)
        # The browser keeps the ids: they are there after a reload, and in the other language.
        kept = gr.BrowserState([], storage_key="ppt2v", secret="ppt2v")
        for row in MODES.values():
            with gr.Tab(text(row.name), id=row.name):
                _Tab(row, text, visits, kept)
        gr.Markdown(f"### {text('Your videos')}")
        gallery = gr.HTML()
        gr.on([page.load, kept.change], lambda ids: panels.gallery(visits.finished(ids), text), kept, gallery,
              show_progress="hidden", api_name=False)

        def leave(request: gr.Request) -> None:
            visits.leave(request.session_hash)

        page.unload(leave)
    return page


def _heading(language: str, text: Translate) -> None:
    others = [f"<a href='../{other}/' lang='{other}'>{NAMES[other]}</a>" for other in LANGUAGES if other != language]
    gr.HTML(f"<h1>ppt2v: {text(_TITLE)}</h1><p>{text(_NOTICE)} {' '.join(others)}</p>")


class _Tab:
    """The components of a mode, and what they do."""

    def __init__(self, row: Mode, text: Translate, visits: Visits, kept: gr.BrowserState):
        self.row, self.text, self.visits, self.kept = row, text, visits, kept
        self.parameters = choices.parameters(row, visits.jobs.limits)
        models = choices.models(row, visits.jobs.limits)
        start = choices.defaults(row, models[0] if models else None)
        gr.Markdown(text(row.summary))
        with gr.Row():
            with gr.Column():
                self.entered = self._inputs(models, start)
            with gr.Column():
                self.shown = self._outputs()
        self._connect(gr.State(start))

    def _inputs(self, models: list[str], start: Mapping[str, Any]) -> dict[str, gr.components.Component]:
        labels = widgets.labels(self.parameters, self.text)
        components = {}
        first = [each for each in self.parameters if each.name in _FIRST]
        for parameter in sorted(first, key=lambda each: _FIRST.index(each.name)):
            if parameter.name == "model_name":
                components["model_name"] = self._model(labels["model_name"], parameter.help, models)
            else:
                components[parameter.name] = widgets.build(parameter, labels[parameter.name], start[parameter.name])
        self._samples(components)
        with gr.Accordion(self.text("Advanced options"), open=False), gr.Row():
            components |= {each.name: widgets.build(each, labels[each.name], start[each.name])
                           for each in self.parameters if each.name not in _FIRST}
        return components

    def _model(self, label: str, info: str, models: list[str]) -> gr.Dropdown:
        return gr.Dropdown(models, value=models[0] if models else None, label=label, info=info,
                           allow_custom_value=self.visits.jobs.limits.at_home)

    def _samples(self, components: Mapping[str, gr.components.Component]) -> None:
        names = ["video_path", "prompt"] if self.row.takes_clip else ["prompt"]
        folder = choices.sample_clips()
        rows = [[clip and str(folder / clip), prompt][-len(names):] for clip, prompt in self.row.samples]
        if rows:
            gr.Examples(rows, [components[name] for name in names], label=self.text("Samples"), api_name=False)

    def _outputs(self) -> _Shown:
        with gr.Row():
            generate = gr.Button(self.text("Generate"), variant="primary")
            stop = gr.Button(self.text("Stop"), variant="stop", interactive=False)
        return _Shown(gr.HTML(), gr.HTML(), gr.HTML(), generate, stop)

    def _connect(self, start: gr.State) -> None:
        self.start, shown, quiet = start, self.shown, {"show_progress": "hidden", "api_name": False}
        inputs = {*self.entered.values(), start, self.kept}
        shown.generate.click(self._generate, inputs, [*shown, self.kept], concurrency_limit=None, **quiet)
        shown.stop.click(self._stop, concurrency_limit=None, **quiet)
        settings = {name: self.entered[name] for name in self.entered if name not in _FIRST}
        self.entered["model_name"].change(
            self._adapt, {*settings.values(), self.entered["model_name"], start}, [*settings.values(), start], **quiet
        )

    def _generate(self, data: Mapping[Any, Any], request: gr.Request) -> Iterator[dict]:
        """Makes a video and shows how far it is."""
        shown = self.shown
        busy = {shown.generate: gr.update(interactive=False), shown.stop: gr.update(interactive=True)}
        idle = {shown.generate: gr.update(interactive=True), shown.stop: gr.update(interactive=False)}
        yield {**busy, shown.progress: "", shown.control_map: "", shown.result: ""}
        entered = {name: data[component] for name, component in self.entered.items()}
        try:
            given = widgets.given(self.parameters, entered, data[self.start])
            for job in self.visits.make(request.session_hash, self.row.name, given):
                yield self._show(job, data[self.kept])
        except (InputError, QueueFull, DiskFull) as error:
            yield {shown.progress: panels.failure(self._explained(error, entered), self.text)}
        yield idle

    def _show(self, job: Job, kept: list[str]) -> dict:
        shown, text = self.shown, self.text
        if job.state == DONE:
            return {shown.progress: "", shown.result: panels.result(job, video.read_recipe(job.path), text),
                    self.kept: [job.id, *kept][:_MOST_KEPT]}
        if job.state == FAILED:
            return {shown.progress: panels.failure(job.error, text)}
        if job.state == CANCELLED:
            return {shown.progress: panels.stopped(text)}
        update = {shown.progress: panels.progress(job, self.visits.ahead(job), text)}
        if job.control_map is not None:
            update[shown.control_map] = panels.control_map(job.control_map, _MAP_FPS, text)
        return update

    def _explained(self, error: Exception, entered: Mapping[str, Any]) -> str:
        """What went wrong, without the folder in which uploads lie."""
        known = {QueueFull: "Too many jobs wait already: try again later.",
                 DiskFull: "The disk of this service is full: its operator has to make room."}
        message = self.text(known[type(error)]) if type(error) in known else str(error)
        for clip in (entered.get(name) for name in CLIPS):
            message = message.replace(f"{Path(clip).parent}{os.sep}", "") if clip else message
        return message

    def _stop(self, request: gr.Request) -> None:
        self.visits.stop(request.session_hash, self.row.name)

    def _adapt(self, data: Mapping[Any, Any]) -> dict:
        """Shows what another model brings along, but for what the visitor has changed already."""
        before, after = data[self.start], choices.defaults(self.row, data[self.entered["model_name"]])
        update = {self.start: after}
        for parameter in self.parameters:
            component, old = self.entered[parameter.name], widgets.entry(parameter, before[parameter.name])
            if parameter.name not in _FIRST and data[component] == old:
                update[component] = widgets.entry(parameter, after[parameter.name])
        return update
