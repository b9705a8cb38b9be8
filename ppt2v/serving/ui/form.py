"""The form of a mode: what stands in front, the rest in the groups of the table, and a draft that the browser keeps."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import gradio as gr

from ppt2v.environment.shipped import sample_clips
from ppt2v.modes import Mode
from ppt2v.parameters import GROUPS, Parameter, holding
from ppt2v.serving import offers
from ppt2v.serving.adapter_folder import AdapterFolder
from ppt2v.serving.limits import Limits

from . import choices, widgets
from .live import live
from .words import Translate

_FRONT, *_FOLDED = GROUPS
_NARROW = 130  # pixels; two go beside each other on a phone
# What is otherwise on a page than the table says, which is for the command line too.
HELP = {
    "seed": "The same number makes the same video; with none each is another one.",
    "model_name": "One of the list; on your own machine also the folder, file or id of another.",
}
_WITH_STRENGTH = ("lora",)
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_name": False, "concurrency_limit": None}


_SHORT = 3  # the place of all that is no clip, no prompt and no model


def _place(parameter: Parameter) -> int:
    """The clip stands first, then the prompt, then the model."""
    if parameter.holds == "clip":
        return 0
    return 1 if parameter.positional else 2 if parameter.name == "model_name" else _SHORT


def _by_option(parameters: Sequence[Parameter]) -> list[list[Parameter]]:
    """Those with an option of their own, then those that share one."""
    flags = [each.flag for each in parameters]
    alone = [each for each in parameters if flags.count(each.flag) == 1]
    return [together for together in (alone, [each for each in parameters if each not in alone]) if together]


def _with_one_more(entered: str, file: str | None, strength: float | None = None) -> str:
    """The lines of a component with one more file."""
    if file is None:
        return entered
    line = file if strength is None else f"{file}:{strength:g}"
    return f"{entered.rstrip()}\n{line}".lstrip()


class Form:
    """The components of a mode, made where they are to be seen.

    Args:
        row: the mode.
        text: gives the words of the page's language.
        limits: what may be chosen.
        is_kept: whether a path is that of a clip which a visitor may have chosen.

    ``entered`` has the component of each parameter, by its name; ``start`` keeps the values that were shown before
    anything was entered; ``again`` and ``random`` are the buttons beside the seed.
    """

    def __init__(self, row: Mode, text: Translate, limits: Limits, is_kept: Callable[[str], bool]):
        self.row, self.text, self.limits, self.is_kept = row, text, limits, is_kept
        self.parameters = choices.parameters(row, limits)
        self.entered: dict[str, gr.components.Component] = {}
        self._labels = widgets.labels(self.parameters, text)
        self._defaults = choices.defaults(row, row.default("model_name"))
        self.start = gr.State(self._defaults)
        self._draft = gr.BrowserState({}, storage_key=f"ppt2v {row.name}", secret="ppt2v")
        with gr.Column(elem_classes="basics"):
            self._front()
        for group in _FOLDED:
            self._folded(group)
        self._keep_draft()

    def _front(self) -> None:
        front = [each for each in self.parameters if each.group == _FRONT]
        short = [each for each in front if _place(each) == _SHORT and each.name != "seed"]
        for parameter in sorted((each for each in front if _place(each) < _SHORT), key=_place):
            self._add(parameter)
        self._samples()
        for together in _by_option(short):
            with gr.Row():
                for parameter in together:
                    self._add(parameter, min_width=_NARROW)
        with gr.Row():
            self._add(next(each for each in front if each.name == "seed"), min_width=_NARROW, scale=3)
            with gr.Column(min_width=100):
                self.again = gr.Button(self.text("Again"), size="sm")
                self.random = gr.Button(self.text("Random"), size="sm")

    def _folded(self, group: str) -> None:
        parameters = [each for each in self.parameters if each.group == group]
        if not parameters:
            return
        with gr.Accordion(self.text(group), open=False):
            with gr.Row(elem_classes="folded"):
                for parameter in parameters:
                    self._add(parameter)
            for parameter in parameters:
                if parameter.holds == "adapter" and self.limits.adapters is not None:
                    self._add_picker(parameter, self.limits.adapters)

    def _add(self, parameter: Parameter, **about: Any) -> None:
        if parameter.name == "model_name":
            self._add_models(parameter)
            return
        label, value = self._labels[parameter.name], self._defaults[parameter.name]
        help = HELP.get(parameter.name, parameter.help)
        self.entered[parameter.name] = widgets.build(parameter, label, help, value, self.text, **about)

    def _add_models(self, parameter: Parameter) -> None:
        model = gr.Dropdown(
            self._offered(),
            value=self.row.default("model_name"),
            label=self._labels["model_name"],
            info=self.text(HELP["model_name"]),
            allow_custom_value=self.limits.at_home,
        )
        self.entered["model_name"] = model
        self.download = live(["download"], elem_classes="download")
        self.download.finished(self._arrived, None, [model, self.download], **QUIET)

    def _arrived(self) -> tuple[Any, str]:
        return gr.update(choices=self._offered()), ""

    def _offered(self) -> list[tuple[str, str]]:
        return [(self._described(offer), offer.name) for offer in choices.models(self.row, self.limits)]

    def _described(self, offer: choices.Choice) -> str:
        state = self.text("here") if offer.here else self.text("to be downloaded")
        name = offers.public_name(offer.name)
        return f"{name} ({state})" if offer.gb is None else f"{name} ({offer.gb:.2f} GB, {state})"

    def _add_picker(self, parameter: Parameter, folder: AdapterFolder) -> None:
        """A choice among the files of the folder, of which each is added to what is entered."""
        files, entered = folder.names(parameter.name), self.entered[parameter.name]
        label = self.text("Files for: {what}").format(what=self._labels[parameter.name])
        with gr.Row():
            file = gr.Dropdown(files, value=None, label=label, min_width=_NARROW)
            inputs: list[gr.components.Component] = [entered, file]
            if parameter.name in _WITH_STRENGTH:
                inputs.append(gr.Slider(0, 2, value=1, step=0.05, label=self.text("Strength"), min_width=_NARROW))
            add = gr.Button(self.text("Add"), size="sm", scale=0, min_width=80)
        add.click(_with_one_more, inputs, entered, **QUIET)

    def _samples(self) -> None:
        names = ["video_path", "prompt"] if self.row.takes_clip else ["prompt"]
        folder = sample_clips()
        rows = [[clip and str(folder / clip), prompt][-len(names) :] for clip, prompt in self.row.samples]
        if rows:
            gr.Examples(
                rows,
                [self.entered[name] for name in names],
                label=self.text("Samples"),
                example_labels=[prompt for _, prompt in self.row.samples],  # the table of clips and prompts stays empty
                api_name=False,
            )

    def _keep_draft(self) -> None:
        """Lets the browser itself keep what is entered, with every change."""
        names, components = list(self.entered), list(self.entered.values())
        kept = f"(...entered) => Object.fromEntries({json.dumps(names)}.map((name, n) => [name, entered[n]]))"
        changes = [component.change for component in components]
        gr.on(changes, None, components, self._draft, js=kept, show_progress="hidden", api_name=False)

    @property
    def filled(self) -> list[Any]:
        """What ``fill`` gives values for."""
        return [*self.entered.values(), self.start, self.download]

    @property
    def quiet(self) -> dict[str, Any]:
        """``QUIET`` for events at which a page opens, or that fill all of that in: Gradio looks through the whole page
        for each component whose progress it may show, which took most of the time until a page was there.
        """
        return {**QUIET, "show_progress_on": self.download}

    def restore_on(self, event: Callable) -> None:
        """Fills in the draft at an event."""
        event(self._restored, self._draft, self.filled, **self.quiet)

    def _restored(self, draft: Any) -> dict[Any, Any]:
        if isinstance(draft, dict) and draft:
            return self.fill(draft)
        return {self.entered["model_name"]: gr.update(choices=self._offered())}  # others may be here by now

    def fill(self, values: Mapping[str, Any]) -> dict[Any, Any]:
        """Updates that put these into the form, as its components hold them; what does not fit, or is not given, gets
        what the model brings along."""
        model = values.get("model_name")
        if not (isinstance(model, str) and self._may_name(model)):
            model = self.row.default("model_name")
        start = choices.defaults(self.row, model)
        updates = {self.entered["model_name"]: gr.update(value=model, choices=self._offered()), self.start: start}
        for parameter in self.parameters:
            if parameter.name != "model_name":
                entered = self._fitting(parameter, values.get(parameter.name), start[parameter.name])
                updates[self.entered[parameter.name]] = entered
        return {**updates, self.download: self.address(model)}

    def _fitting(self, parameter: Parameter, entered: Any, start: Any) -> Any:
        if parameter.holds == "clip":
            path = entered.get("path") if isinstance(entered, dict) else entered
            return path if isinstance(path, str) and self.is_kept(path) else None
        return entered if widgets.fits(parameter, entered) else widgets.entry(parameter, start)

    def _may_name(self, model: str) -> bool:
        return self.limits.at_home or model in (offer.name for offer in choices.models(self.row, self.limits))

    def adapt(self, data: Mapping[Any, Any]) -> dict[Any, Any]:
        """Updates that show what another model brings along, but for what the visitor has changed already."""
        model = data[self.entered["model_name"]]
        before, after = data[self.start], choices.defaults(self.row, model)
        updates: dict[Any, Any] = {self.start: after, self.download: self.address(model)}
        for parameter in self.parameters:
            component = self.entered[parameter.name]
            old, new = (widgets.entry(parameter, values[parameter.name]) for values in (before, after))
            of_model = parameter.holds not in ("clip", "model") and not parameter.positional
            if of_model and data[component] == old != new:  # others may be changed by the visitor meanwhile
                updates[component] = new
        return updates

    def address(self, model: str) -> str:
        """Where the page sees how the download of a model stands; "" for one that is here, or cannot be downloaded."""
        return f"downloads/{quote(model)}" if choices.is_downloaded(model, self.limits) else ""

    def given(self, data: Mapping[Any, Any]) -> dict[str, Any]:
        """What a visitor has decided, of the values of all components.

        Raises:
            InputError: a wrong type, or a value outside its range.
        """
        entered = {name: data[component] for name, component in self.entered.items()}
        given = widgets.given(self.parameters, entered, data[self.start])
        return self._adapters(given, AdapterFolder.paths)

    def entries(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """What the values of a job look like in the components, for ``fill``."""
        shown = self._adapters(values, AdapterFolder.shortened)
        clips = holding(self.parameters, "clip")
        return {
            each.name: shown[each.name] if each.name in clips else widgets.entry(each, shown[each.name])
            for each in self.parameters
            if each.name in shown
        }

    def _adapters(
        self, values: Mapping[str, Any], change: Callable[[AdapterFolder, Sequence[str]], list[str]]
    ) -> dict[str, Any]:
        """The values, with another form of the files of the folder."""
        names = holding(self.parameters, "adapter") if self.limits.adapters else []
        return {**values, **{name: change(self.limits.adapters, values[name]) for name in names if name in values}}
